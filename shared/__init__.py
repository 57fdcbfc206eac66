"""The plinth that every service stands on; it knows no service."""
