"""Tests of the replenishment service."""
