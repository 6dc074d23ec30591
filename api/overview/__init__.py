"""Data for the dashboard: only what its list needs, much smaller than the API's documents."""
