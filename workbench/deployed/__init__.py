"""What is deployed into emulators of this machine, found and served as on AWS."""
