"""Only its own fault ends a session: bad input has a coded error, outages make it slower."""
