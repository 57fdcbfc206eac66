"""Tests of the protos as the one place where services meet."""
