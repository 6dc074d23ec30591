"""Reports of real calls from proxies: parsing, classifying, counting, drawing conclusions. Pure."""
