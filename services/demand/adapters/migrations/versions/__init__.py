"""One file per revision, in order; what a released one makes never changes."""
