"""Tests on a real control plane: only `make test-k8s` runs them."""
