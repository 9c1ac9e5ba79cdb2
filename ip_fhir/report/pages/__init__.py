"""Pages and tables that people read: the summary, the mapping tables."""
