"""Many trackers as one, with PostgreSQL as the hub. Imported only where [cluster] is configured."""
