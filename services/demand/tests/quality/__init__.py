"""How good the forecasts are, on real public data."""
