"""Find what is deployed into emulators on this machine, and serve it as AWS does."""
