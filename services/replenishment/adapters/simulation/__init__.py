"""Policies played day by day on real demand that none of them has seen."""
