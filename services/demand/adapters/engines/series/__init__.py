"""Methods that look at one series at a time, and the peers that every back-test is held against."""
