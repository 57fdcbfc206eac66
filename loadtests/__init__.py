"""What calls the services from outside: the day that `make run` plays, and the measurements."""
