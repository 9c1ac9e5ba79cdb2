"""Consents, the function that decides who may see what (`permits`), and the matrix of all its answers."""
