"""The service in a process of its own, with real engines and files."""
