"""What an administrator does with an installation: set it up, look what is wrong, say who may read cases."""
