"""The AWS permissions of each function, derived from the code that it can reach."""
