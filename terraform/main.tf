# Tidings in production: one block for each region.

locals {
  # The URL of an external cache; or, with ElastiCache on an emulator, the URL that functions use.
  cache = var.redis_url == null ? var.cache : merge(var.cache, { url = var.redis_url })

  # Each region has a line in all three: `order` is their names, which new ones follow; `broadcasts` is
  # what the regions need from each other, `regions` is all of their outputs.
  order = [
    var.region,
    # "eu-west-1",
  ]
  broadcasts = {
    (var.region) = module.primary.broadcast
    # eu-west-1    = module.eu_west_1.broadcast
  }
  regions = {
    (var.region) = module.primary
    # eu-west-1    = module.eu_west_1
  }

  # The addresses that GET /v1/endpoint returns: those in app.endpoints; else the edge's host, if it has
  # a domain; else the APIs' own. The edge's host is the same for all regions; latency records route it
  # to one of them.
  edge_endpoints = !var.edge.create || var.edge.domain == null ? {} : {
    for region in local.order : region => {
      websocket = "wss://${var.edge.domain}/${var.app.shards == 1 ? "ws" : "{shard}"}"
      health    = "https://${var.edge.domain}/v1/health"
    }
  }
  # The functions get digests only, of the distribution's proof and of the one before it: they are
  # updated first, and take both while CloudFront changes over.
  edge_settings = !var.edge.create ? {} : {
    TIDINGS_EDGE_PROOFS = join(",", [for proof in values(terraform_data.edge_proof) : sha256(proof.output)])
  }
  app = merge(var.app, {
    endpoints = merge(local.edge_endpoints, var.app.endpoints)
    settings  = merge(local.edge_settings, var.app.settings)
  })
}

# By version. Random, and as the distribution's configuration holds it, so does the state.
resource "terraform_data" "edge_proof" {
  for_each = toset(var.edge.create ? [tostring(var.edge.proof_version - 1), tostring(var.edge.proof_version)] : [])

  input = uuid()

  lifecycle {
    ignore_changes = [input]
  }
}

module "primary" {
  source    = "./modules/region"
  providers = { aws = aws.primary }

  regions = local.order
  peers   = local.broadcasts

  name                 = var.name
  package_dir          = var.package_dir
  tables               = var.tables
  cache                = local.cache
  network              = var.network
  app                  = local.app
  monitoring           = var.monitoring
  experiments          = var.experiments
  metrics_namespace    = var.metrics_namespace
  iam                  = var.iam
  kms_key_arns         = var.kms_key_arns
  former_kms_key_arns  = var.former_kms_key_arns
  secret_recovery_days = var.secret_recovery_days
  connections_url      = var.connections_url
  aws_endpoint_url     = var.aws_endpoint_url
}

# A second region; README.md has the steps. Set here what differs between regions: certificates (for the
# same names), and the network's range and zones.
#
# module "eu_west_1" {
#   source    = "./modules/region"
#   providers = { aws = aws.eu_west_1 }
#
#   primary = false
#   regions = local.order
#   streams = module.primary.replica_streams["eu-west-1"]
#   peers   = local.broadcasts
#
#   name              = var.name
#   package_dir       = var.package_dir
#   tables            = var.tables
#   cache             = local.cache
#   network           = merge(var.network, { cidr = "10.61.0.0/16", zone_names = null })
#   monitoring        = var.monitoring
#   experiments       = var.experiments
#   metrics_namespace = var.metrics_namespace
#   iam               = var.iam
#   kms_key_arns      = var.kms_key_arns
#
#   former_kms_key_arns = var.former_kms_key_arns
#   app = merge(local.app, { domains = {
#     websocket = merge(var.app.domains.websocket, { certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1" })
#     http      = merge(var.app.domains.http, { certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/2" })
#   } })
# }

module "edge" {
  source    = "./modules/edge"
  count     = var.edge.create ? 1 : 0
  providers = { aws = aws.primary, aws.us_east_1 = aws.us_east_1 }

  name                       = var.name
  proof                      = terraform_data.edge_proof[tostring(var.edge.proof_version)].output
  domain                     = var.edge.domain
  zone_id                    = var.edge.zone_id
  regions                    = { for name, region in local.regions : name => region.edge }
  price_class                = var.edge.price_class
  web_acl_arn                = var.edge.web_acl_arn
  access_log_destination_arn = var.edge.access_log_destination_arn
  health_check_interval_s    = var.edge.health_check_interval_s
}
