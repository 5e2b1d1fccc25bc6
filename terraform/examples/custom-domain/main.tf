# One region behind CloudFront, with a host of your own for websockets, polling and HTTP.

provider "aws" {
  region = var.region
}

# CloudFront accepts certificates only from us-east-1.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"
}

# With which the distribution proves itself to the functions. Random, and the state holds it.
resource "terraform_data" "edge_proof" {
  input = uuid()

  lifecycle {
    ignore_changes = [input]
  }
}

module "region" {
  source = "../../modules/region"

  name        = "tidings"
  package_dir = var.package_dir
  cache       = { kind = "external", url = var.redis_url }
  monitoring  = { alarm_emails = var.alarm_emails }

  app = {
    # What GET /v1/endpoint returns.
    endpoints = { (var.region) = { websocket = "wss://${var.domain}/ws", health = "https://${var.domain}/v1/health" } }
    # The functions get the proof's digest only.
    settings = { TIDINGS_EDGE_PROOFS = sha256(terraform_data.edge_proof.output) }
  }
}

module "edge" {
  source    = "../../modules/edge"
  providers = { aws = aws, aws.us_east_1 = aws.us_east_1 }

  name    = "tidings"
  proof   = terraform_data.edge_proof.output
  domain  = var.domain
  zone_id = var.zone_id
  regions = { (var.region) = module.region.edge }
}
