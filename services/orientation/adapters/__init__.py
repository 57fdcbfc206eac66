"""What orientation drives: its store, its shipped data, and the engines that train a model."""
