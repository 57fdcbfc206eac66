"""How near the plans come to the best ones."""
