"""Wire, store and events keep what they promise to others."""
