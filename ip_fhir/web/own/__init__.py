"""The interface for programs of our own, in any language, on our own machine: all that a Python program can do."""
