"""Subscriptions in the database, and the changes that are read from the chain of evidence."""
