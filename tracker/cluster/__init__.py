"""Several trackers as one, with PostgreSQL as the hub. Imported only with [cluster] configured."""
