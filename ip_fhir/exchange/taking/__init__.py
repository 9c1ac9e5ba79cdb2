"""Ways in for messages that were understood: whom they are from, and what they move."""
