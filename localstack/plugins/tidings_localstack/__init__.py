"""LocalStack on a laptop without Docker: what it must do otherwise than in its container."""
