"""What every route shares: access, problems, ETags, caching, OpenAPI."""
