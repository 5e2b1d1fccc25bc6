# API Gateway's quota of requests, shared out: it is one for all APIs of an account and region, and for posts to
# connections, too. Each stage takes its share of AWS's burst, half of a second's requests.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html

locals {
  # Where AWS's default is 2,500.
  smaller_regions = [
    "af-south-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7", "ca-west-1",
    "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "mx-central-1",
  ]

  gateway_requests_per_s = var.gateway_requests_per_s != null ? var.gateway_requests_per_s : contains(local.smaller_regions, local.region) ? 2500 : 10000

  posts_per_s  = floor(local.gateway_requests_per_s * var.gateway_shares.posts)
  frames_per_s = floor(local.gateway_requests_per_s * var.gateway_shares.frames / var.shards) # of each API
  http_per_s   = floor(local.gateway_requests_per_s * var.gateway_shares.http)
}
