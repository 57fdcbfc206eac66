"""The service whole, over gRPC."""
