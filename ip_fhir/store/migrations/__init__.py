"""The tables, step by step: run by Alembic, shipped with the library."""
