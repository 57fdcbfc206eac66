"""Forecasting methods of statsforecast, called one series at a time."""
