"""What an administrator does for the helpline's account on Signal: set it up, and prove to be no machine."""
