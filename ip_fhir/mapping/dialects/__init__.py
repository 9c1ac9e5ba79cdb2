"""What each format adds to tables and lenses: path words, guards, leaf kinds, places in errors."""
