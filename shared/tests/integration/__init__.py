"""Tests of the plinth: integration."""
