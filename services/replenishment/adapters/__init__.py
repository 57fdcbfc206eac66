"""What the service drives: its store and the solver's worker process."""
