"""Shared plans in the SQL database: each with its versions, its views, and the names by which messages find it."""
