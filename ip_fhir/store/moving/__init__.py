"""A store moved from one database to another."""
