"""The demand service's tables, on SQLite and PostgreSQL alike."""
