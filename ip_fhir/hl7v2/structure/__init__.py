"""Structure: events, the grammar of their messages, the matcher, and the rules of fields."""
