"""The tracker against third-party servers and clients: ``python -m integration``."""
