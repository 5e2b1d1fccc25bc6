"""Several regions side by side: complete stacks, replication between them, faults on request."""
