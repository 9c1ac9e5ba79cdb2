"""Subscriptions of clients: kept for them, and notified of what they may read."""
