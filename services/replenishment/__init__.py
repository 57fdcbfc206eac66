"""What to order so that nothing critical runs out and little expires, at least cost."""
