"""Rules and use cases, in seconds, with fakes."""
