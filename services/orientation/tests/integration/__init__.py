"""The service in one process, over a real connection."""
