"""Rules and use cases, all in seconds."""
