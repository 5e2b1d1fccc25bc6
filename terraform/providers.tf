# A provider for each region, and one for us-east-1, which CloudFront requires for certificates and logs.
#
# Emulators are reached through the provider's own environment variables (AWS_ENDPOINT_URL …).
# https://registry.terraform.io/providers/hashicorp/aws/latest/docs/guides/custom-service-endpoints

locals {
  tags = merge({ Application = var.name, ManagedBy = "terraform" }, var.tags)
}

provider "aws" {
  alias  = "primary"
  region = var.region

  default_tags {
    tags = local.tags
  }
}

# provider "aws" {
#   alias  = "eu_west_1"
#   region = "eu-west-1"
#
#   default_tags {
#     tags = local.tags
#   }
# }

provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  default_tags {
    tags = local.tags
  }
}
