"""A region's day played again: calls, vehicles, hospitals, and two ways to orient."""
