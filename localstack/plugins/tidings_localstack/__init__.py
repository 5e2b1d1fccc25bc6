"""Plugins that let LocalStack run without Docker, with the differences that this requires."""
