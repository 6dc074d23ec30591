"""One bounded HTTP exchange: transport, address checks, failures in plain words."""
