"""One suite per port: what any adapter of it must keep, fake or real."""
