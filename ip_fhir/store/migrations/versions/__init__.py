"""One file for each step, in order by name. A released one is never changed."""
