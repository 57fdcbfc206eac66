"""What the demand service drives: its store, its history files, the engines."""
