"""`vestibule draw`: one flow as a picture, with its questions in boxes and the answers on the arrows."""
