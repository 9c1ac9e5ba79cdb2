"""Digests of all that a commit wrote stand in the chain of evidence, and what stands is compared with them."""
