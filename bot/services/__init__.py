"""The services: what happens between a message's arrival and its answer. They reach the world through ports only."""
