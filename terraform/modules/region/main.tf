# One complete region: tables, queues, cache, network, functions, APIs and monitoring.

locals {
  # ElastiCache is in a VPC, so the functions must be in it too: one that others made, or a new one.
  existing = var.network.existing == null ? 0 : 1
  created  = local.existing == 0 && (var.network.create || var.cache.kind != "external") ? 1 : 0
  network  = one(concat(module.existing_network[*], module.network[*]))

  region      = data.aws_region.current.id
  kms_key_arn = lookup(var.kms_key_arns, local.region, null)
  peers       = { for region, peer in var.peers : region => peer if region != local.region }
  several     = length(var.regions) > 1

  # The execute-api host, which belongs to this region alone, even with custom domains.
  http_host = regex("^[a-z]+://([^/:]+)", module.app.http_api.endpoint)[0]

  # The port in an external cache's URL (redis://host:port/…).
  egress_ports   = concat([443], local.external_ports)
  external_ports = var.cache.url == null ? [] : [try(tonumber(regex(":([0-9]+)(?:/|$)", var.cache.url)[0]), 6379)]
}

module "tables" {
  source = "../tables"

  name                   = var.name
  primary                = var.primary
  replica_regions        = var.primary ? keys(local.peers) : []
  point_in_time_recovery = var.tables.point_in_time_recovery
  deletion_protection    = var.tables.deletion_protection
  table_class            = var.tables.table_class
  on_demand_throughput   = var.tables.on_demand_throughput
  kms_key_arn            = module.app.kms_key_arn
  replica_kms_key_arns   = var.kms_key_arns
}

module "messaging" {
  source = "../messaging"

  name        = var.name
  several     = local.several
  peers       = local.peers
  kms_key_arn = module.app.kms_key_arn
}

module "network" {
  source = "../network"
  count  = local.created

  name                = var.name
  cidr                = var.network.cidr
  zones               = var.network.zones
  zone_names          = var.network.zone_names
  egress              = var.network.egress
  interface_endpoints = var.network.interface_endpoints
  flow_log_days       = var.network.flow_log_days
  several             = local.several
  egress_ports        = local.egress_ports
  iam                 = var.iam
  network_rights      = module.app.network_rights
}

module "existing_network" {
  source = "../existing-network"
  count  = local.existing

  name           = var.name
  vpc_id         = var.network.existing.vpc_id
  subnet_ids     = var.network.existing.subnet_ids
  ipv6           = var.network.existing.ipv6
  egress_ports   = local.egress_ports
  network_rights = module.app.network_rights
}

module "cache" {
  source = "../cache"

  name              = var.name
  kind              = var.cache.kind
  url               = var.cache.url
  url_is_cluster    = var.cache.url_is_cluster
  node_type         = var.cache.node_type
  shards            = var.cache.shards
  replicas          = var.cache.replicas
  serverless_limits = var.cache.serverless_limits
  kms_key_arn       = local.kms_key_arn
  network           = local.network
}

module "app" {
  source = "../app"

  name        = var.name
  package_dir = var.package_dir
  tables      = { for name, arn in module.tables.arns : name => { arn = arn } }
  queues      = module.messaging.queues
  regions     = var.regions
  streams     = var.primary ? module.tables.streams : var.streams
  topic_arn   = try(module.messaging.topic.arn, null)
  secret      = local.secret
  redis       = module.cache.redis
  iam         = var.iam
  vpc = local.existing + local.created == 0 ? null : {
    subnet_ids        = local.network.subnet_ids
    security_group_id = local.network.functions_security_group_id
    ipv6              = local.network.ipv6
  }
  in_vpc    = local.existing + local.created > 0
  dualstack = local.existing == 1 ? var.network.existing.ipv6 : local.created == 1 && var.network.egress == "ipv6"

  shards                 = var.app.shards
  stage                  = var.app.stage
  domains                = var.app.domains
  endpoints              = merge(concat([for peer in values(local.peers) : peer.endpoint], [var.app.endpoints])...)
  settings               = var.app.settings
  metrics_namespace      = var.metrics_namespace
  account_concurrency    = var.app.account_concurrency
  reserved_concurrency   = var.app.reserved_concurrency
  queue_concurrency      = var.app.queue_concurrency
  gateway_requests_per_s = var.app.gateway_requests_per_s
  gateway_shares         = var.app.gateway_shares
  cors_origins           = var.app.cors_origins
  log_retention_days     = var.app.log_retention_days
  log_kms_key_arn        = var.app.log_kms_key_arn
  system_log_level       = var.app.system_log_level
  outbox                 = var.app.outbox
  tracing                = var.app.tracing
  manage_gateway_account = var.app.manage_gateway_account
  kms_key_arn            = local.kms_key_arn
  former_kms_key_arns    = lookup(var.former_kms_key_arns, local.region, [])
  peer_kms_key_arns      = { for region, key in var.kms_key_arns : region => key if region != local.region && contains(var.regions, region) }
  home_kms_key_arn       = try(var.kms_key_arns[var.regions[0]], null)
  connections_url        = var.connections_url
  aws_endpoint_url       = var.aws_endpoint_url
}

module "monitoring" {
  source = "../monitoring"
  count  = var.monitoring.create ? 1 : 0

  name               = var.name
  metrics_namespace  = var.metrics_namespace
  functions          = module.app.function_names
  queues             = { for name, queue in module.messaging.queues : name => queue.name }
  dead_letter_queues = module.messaging.dead_letter_queues
  topic_name         = try(module.messaging.topic.name, null)
  tables             = module.tables.names
  table_indexes      = module.tables.indexes
  websocket_apis     = module.app.websocket_apis
  http_api_id        = module.app.http_api.id
  cache              = module.cache.cache
  replica_regions    = keys(local.peers) # this region's writes are replicated to all others
  global_tables      = module.tables.global
  alarm_topic_arn    = var.monitoring.alarm_topic_arn
  alarm_emails       = var.monitoring.alarm_emails
  alarm_kms_key_arn  = var.monitoring.alarm_kms_key_arn
  thresholds         = var.monitoring.thresholds
  guide_url          = var.monitoring.guide_url
  monthly_budget_usd = var.primary ? var.monitoring.monthly_budget_usd : null # it is the account's
}

module "experiments" {
  source = "../experiments"
  count  = var.experiments.create ? 1 : 0

  name              = var.name
  minutes           = var.experiments.minutes
  global_table_arns = [for name in module.tables.global : module.tables.arns[name]]
  subnet_ids        = local.existing + local.created == 0 ? [] : local.network.subnet_ids
  peer_regions      = [for region in var.regions : region if region != local.region]
  stop_alarm_arns   = var.experiments.stop_alarm_arns
  iam               = var.iam
}
