"""Plans between the parties: what our own people do, what comes in, what goes out, what is due."""
