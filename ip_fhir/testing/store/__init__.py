"""Contract suites of the store and of each of its capabilities, and the samples that they use."""
