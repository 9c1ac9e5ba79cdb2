"""Bytes in and out: MLLP frames over TCP with a listener and connections, and HTTP requests to other systems.

Nothing here knows the content of a message, but for the first segment and the acknowledgement in an HL7 v2 message.
"""
