"""Ports that nobody listens at."""

import socket


def free_ports(count: int) -> list[int]:
    """Loopback ports; held open together, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [made.getsockname()[1] for made in sockets]
    finally:
        for made in sockets:
            made.close()
