"""The dashboard's own data: what its list needs, far smaller than the API's whole documents."""
