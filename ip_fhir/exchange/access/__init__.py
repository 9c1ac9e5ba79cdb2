"""Access to loops and resources: the keys of loops, whom each concerns, the pages of a search, the log of reads."""
