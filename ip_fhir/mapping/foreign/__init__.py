"""Plans of other systems: adapts their bundles to our tables, reads them, and writes changes back."""
