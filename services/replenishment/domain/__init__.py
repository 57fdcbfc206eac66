"""Values and rules of replenishment: standard library and numpy only."""
