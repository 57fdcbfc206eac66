"""Histories read from Parquet files, forecasts and scores written to files, and plots."""
