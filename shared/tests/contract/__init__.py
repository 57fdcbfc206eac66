"""Tests of the plinth: contract."""
