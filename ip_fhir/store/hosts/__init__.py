"""Databases of a program that we are embedded in: its engine, and its own transactions."""
