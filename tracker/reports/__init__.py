"""What proxies tell of real calls: read, classed, counted by the minute and judged. Pure."""
