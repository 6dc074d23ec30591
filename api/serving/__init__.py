"""Listeners, connections, and the fast path that answers before HTTP is parsed."""
