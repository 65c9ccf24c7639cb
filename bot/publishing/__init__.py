"""How an edit of the flows goes live: checked, kept as a release, and told before whom it meets."""
