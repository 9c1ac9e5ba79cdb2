"""The files under mappings/, read: rows, codes, paths, variants; complete or refused."""
