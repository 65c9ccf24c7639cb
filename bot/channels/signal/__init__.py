"""The Signal adapter."""
