"""Between protobuf and the domain, both ways, nothing else."""
