"""Read the functions' log lines: a deployment's from CloudWatch, a local stack's from its files."""
