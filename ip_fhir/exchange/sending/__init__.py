"""The worker: rows that are due, claimed, sent several at a time, tried again later."""
