"""What it costs to be answered: the whole intake beside bare echoes, on one homeserver, in one run (`make bench`)."""
