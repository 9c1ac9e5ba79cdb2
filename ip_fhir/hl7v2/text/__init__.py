"""Text: character sets, delimiters, line ends, escapes, and the fields of a segment. Knows no structure."""
