"""What drives orientation: gRPC, events, commands."""
