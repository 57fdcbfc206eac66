"""Forests learnt once, kept in versioned folders, and handed to every part of a large pool."""
