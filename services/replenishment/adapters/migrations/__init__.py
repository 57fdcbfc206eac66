"""The schema of the replenishment service, revision by revision."""
