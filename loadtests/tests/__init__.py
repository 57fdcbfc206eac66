"""Tests of what drives the services from outside."""
