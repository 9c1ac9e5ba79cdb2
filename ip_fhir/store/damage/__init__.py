"""Damage that a store meets and says: a file that was taken away or cut short, and rows that cannot be read."""
