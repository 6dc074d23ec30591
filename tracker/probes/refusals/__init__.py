"""The vocabulary of refusals: what vendors' codes and words say, whatever the HTTP status."""
