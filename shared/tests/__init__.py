"""Tests of the plinth: tests."""
