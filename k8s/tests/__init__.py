"""Tests that tie the manifests to the code."""
