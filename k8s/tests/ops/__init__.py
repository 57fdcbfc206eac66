"""Tests that need more than Python: `make test-ops`."""
