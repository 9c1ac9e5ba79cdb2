"""Wholes in bundles: their parts, put together and taken apart, and the one put."""
