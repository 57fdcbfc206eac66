"""Protobuf to domain and back, and nothing else."""
