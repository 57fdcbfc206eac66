"""Real peers for tests and trials, and the suites that every adapter must pass."""
