"""The cut of a plan: the table of what a view shows, the index of a plan, what is cut, and who sees without a wire."""
