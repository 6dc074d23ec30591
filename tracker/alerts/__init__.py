"""Tells a person: what is wrong, since when, whose fault it is, and what still works."""
