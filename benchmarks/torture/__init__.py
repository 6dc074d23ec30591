"""What happens at 3 a.m., done on purpose to the real process: ``python -m benchmarks.torture``."""
