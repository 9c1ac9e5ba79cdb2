"""The worker and its run: claims due outbox rows, sends several at a time, and tries failed ones again."""
