"""What drives the demand service: calls, events, commands and its own jobs."""
