"""The snapshot in other formats: CSV, badges, metrics."""
