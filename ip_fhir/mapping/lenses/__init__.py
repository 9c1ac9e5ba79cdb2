"""Lenses on any tree of dicts and lists: get, put and new. They say what is right; generated code says it faster."""
