"""Forecasts of intermittent and lumpy demand: leaf-draw forests and their company."""
