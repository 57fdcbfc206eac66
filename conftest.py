"""Fixtures that every test of the house may use."""

pytest_plugins = ["shared.testing.fixtures"]
