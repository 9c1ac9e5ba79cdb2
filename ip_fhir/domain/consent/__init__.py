"""Who may see what: consents, the one function that decides, and the matrix that shows it."""
