terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # What is tested. The modules take 6 too, nobody has run them on it yet.
      version = "~> 5.100"
    }
  }
}
