"""One small class per thing that the demand service can be asked."""
