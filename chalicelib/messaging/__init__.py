"""The log, what is read from it, and its delivery to connections."""
