"""What the engines cost on generated series."""
