"""Alerts: messages that say what is wrong, since when, whose fault it is, and what still works."""
