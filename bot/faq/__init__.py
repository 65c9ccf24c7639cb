"""Finding the question of the FAQ that somebody asks in their own words. Pure: no disk, no clock, no chance."""
