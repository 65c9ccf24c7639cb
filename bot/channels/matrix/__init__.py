"""The Matrix adapter: the only importer of nio."""

NAME = "matrix"
