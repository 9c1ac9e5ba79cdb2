"""The sharing of a plan: who sees what of it, who may change what, and when people are told."""
