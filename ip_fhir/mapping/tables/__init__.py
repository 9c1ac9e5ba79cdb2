"""What the files under mappings/ say: rows, codes, paths, variants; complete or refused."""
