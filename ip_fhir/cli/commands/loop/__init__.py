"""Commands of the loop: send, answer, look at referrals, agreements, consent and the outbox."""
