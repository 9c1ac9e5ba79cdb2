"""Reads the files under mappings/: rows, codes, paths, variants. An incomplete set is refused."""
