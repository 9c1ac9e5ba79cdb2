"""Code made from the tables, for speed only: where in doubt it stands down, and the lenses read."""
