"""Tests of the demand service."""
