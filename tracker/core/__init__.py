"""Values without I/O: outcomes, settings, snapshots, records, clocks, redaction."""
