"""@connections: posts and closes."""
