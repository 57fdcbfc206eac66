"""How the messages of the Hub Santé are read and written."""
