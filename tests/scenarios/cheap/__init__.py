"""What an operation calls is counted and bounded."""
