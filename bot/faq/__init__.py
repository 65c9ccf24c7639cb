"""The helpline's questions and answers. Pure."""
