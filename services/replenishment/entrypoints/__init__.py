"""What drives the service: RPCs, events, the command line."""
