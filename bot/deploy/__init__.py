"""What an administrator copies to a server: units for systemd."""
