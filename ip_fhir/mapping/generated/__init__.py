"""Readers and writers generated from the tables, for speed only; docs/mapping.md says when the lenses take over."""
