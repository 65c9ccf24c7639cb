"""Flows: what the bot asks. Pure: no await, no clock, no disk, no randomness."""
