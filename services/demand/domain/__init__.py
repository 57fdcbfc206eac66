"""What counts as demand, how it is judged, and which forecast may be shown."""
