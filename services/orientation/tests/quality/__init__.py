"""Figures: how good the shipped model is."""
