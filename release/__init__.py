"""A release and the versions that it works with: `make release`, `make constraints`, `make matrix`."""
