"""One bounded HTTP exchange: transport, network guard, named failures."""
