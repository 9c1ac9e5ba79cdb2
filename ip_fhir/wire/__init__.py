"""Bytes in and out over TCP: MLLP frames, a server that listens for them, connections that send them.

Nothing here knows the content of a message beyond its first segment and the acknowledgement in it.
"""
