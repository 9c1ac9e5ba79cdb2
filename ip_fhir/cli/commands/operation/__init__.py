"""Commands for whoever runs a side: its database, its state, what is installed."""
