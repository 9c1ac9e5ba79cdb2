"""Lenses on any tree of dicts and lists: get, put and new. They are the authority (docs/mapping.md)."""
