"""The entrance to the endpoint: TLS and the certificates of clients, and how often each client may ask."""
