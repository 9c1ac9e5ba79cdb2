"""Commands that work on files: check, map, put, and what the mapping tables say."""
