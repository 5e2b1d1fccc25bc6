"""Writing and reading the log, and its delivery to connections."""
