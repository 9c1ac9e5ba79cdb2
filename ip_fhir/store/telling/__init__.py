"""The numbers of what our own people are told, for each recipient."""
