"""One small class per thing that the service can be asked."""
