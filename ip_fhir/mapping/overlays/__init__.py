"""A site's own rows and codes: merged into the tables, and tested against the laws when they are loaded."""
