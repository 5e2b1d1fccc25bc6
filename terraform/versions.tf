terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The tested version. The modules also accept version 6, with which they have not been tested.
      version = "~> 5.100"
    }
  }
}
