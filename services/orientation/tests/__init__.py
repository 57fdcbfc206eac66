"""Tests of the orientation service."""
