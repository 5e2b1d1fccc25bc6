# One provider for each region. A second region is a copy of the block with another alias and
# region, and a copy of the module block in main.tf.
#
# On AWS `endpoints` is empty and nothing is skipped; the variables for emulators fill it.

locals {
  emulated = var.aws_endpoint_url != null
  services = ["acm", "apigateway", "apigatewayv2", "cloudfront", "cloudwatch", "dynamodb", "ec2", "elasticache", "events", "iam", "kms", "lambda", "logs", "route53", "secretsmanager", "sns", "sqs", "sts"]
  endpoints = !local.emulated ? [] : [
    { for service in local.services : service => lookup(var.api_endpoint_urls, service, var.aws_endpoint_url) }
  ]
  tags = merge({ Application = var.name, ManagedBy = "terraform" }, var.tags)
}

provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  skip_credentials_validation = local.emulated
  skip_metadata_api_check     = local.emulated

  default_tags {
    tags = local.tags
  }

  dynamic "endpoints" {
    for_each = local.endpoints
    content {
      acm            = endpoints.value.acm
      apigateway     = endpoints.value.apigateway
      apigatewayv2   = endpoints.value.apigatewayv2
      cloudfront     = endpoints.value.cloudfront
      cloudwatch     = endpoints.value.cloudwatch
      dynamodb       = endpoints.value.dynamodb
      ec2            = endpoints.value.ec2
      elasticache    = endpoints.value.elasticache
      events         = endpoints.value.events
      iam            = endpoints.value.iam
      kms            = endpoints.value.kms
      lambda         = endpoints.value.lambda
      logs           = endpoints.value.logs
      route53        = endpoints.value.route53
      secretsmanager = endpoints.value.secretsmanager
      sns            = endpoints.value.sns
      sqs            = endpoints.value.sqs
      sts            = endpoints.value.sts
    }
  }
}
