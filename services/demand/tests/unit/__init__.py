"""Rules and use cases, in seconds."""
