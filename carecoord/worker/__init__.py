"""Later work done: what is due in the outbox is claimed, done and settled, lane by lane."""
