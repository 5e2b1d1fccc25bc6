"""Deploy Tidings: package the functions and apply Terraform, to AWS or to an emulator."""
