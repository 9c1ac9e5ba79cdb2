"""Plans of other systems: their bundles adapted to our tables, read, and put back."""
