"""Wire, golden events, refusals, and every port's suite on each store."""
