"""Transactions of the program that embeds us: what is decided in one is committed with it."""
