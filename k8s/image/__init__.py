"""What goes into a service's image, from the lock alone, and proof that its steps work."""
