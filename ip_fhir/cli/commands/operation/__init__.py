"""Commands for operators: the database, the state of one side, the installation."""
