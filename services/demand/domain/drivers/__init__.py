"""Calendars and signals that may move an item, each used only where back-tests say it helps."""
