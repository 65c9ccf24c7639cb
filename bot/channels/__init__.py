"""Ways to reach people: one adapter a channel, none imports another."""
