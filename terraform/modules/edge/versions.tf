terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
      # CloudFront takes certificates and log deliveries of us-east-1 only.
      configuration_aliases = [aws.us_east_1]
    }
  }
}
