"""Tests of the plinth: unit."""
