"""The service's state in its own database, SQLite or PostgreSQL."""
