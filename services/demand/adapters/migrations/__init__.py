"""Revisions of the demand service's tables, run by alembic."""
