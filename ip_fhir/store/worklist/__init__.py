"""The worklist of our own people in the SQL database."""
