"""A site's own rows and codes: laid over the tables, and tried when they are loaded."""
