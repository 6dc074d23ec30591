"""The tracker against servers and clients that nobody here wrote: ``python -m integration``."""
