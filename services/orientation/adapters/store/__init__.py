"""The store of orientation: cases, decisions, facilities and foreseen shortages."""
