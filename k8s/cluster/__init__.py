"""A real Kubernetes control plane on this machine, built once from Go modules."""
