"""The words for what the domain names by codes: codes, plans, the loop."""
