"""Our own people are told that something is to be looked at: each recipient in its way, at its hours, by the outbox."""
