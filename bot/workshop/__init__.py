"""Where flows are tried before anybody meets them: played, held against written conversations, drawn."""
