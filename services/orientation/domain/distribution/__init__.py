"""Many casualties, few vehicles and places: the problem, its price, its check, its words."""
