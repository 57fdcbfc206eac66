"""Proto ↔ domain, both ways, nothing else."""
