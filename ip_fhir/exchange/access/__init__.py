"""Access to resources: whom a referral concerns, the place of a page in a search, and the log of what was read."""
