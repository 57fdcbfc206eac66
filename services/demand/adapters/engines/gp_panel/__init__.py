"""The panel of structural Gaussian processes, averaged by marginal likelihood."""
