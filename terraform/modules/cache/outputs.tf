locals {
  host = (
    local.serverless == 1 ? one(aws_elasticache_serverless_cache.this[*].endpoint[0].address) :
    local.group == 1 ? one(aws_elasticache_replication_group.this[*].configuration_endpoint_address) : null
  )
  port = local.managed == 1 ? 6379 : null
  url  = var.url != null ? var.url : "rediss://${local.host}:${local.port}"
}

output "cache" {
  description = "Kind, id (null if external), nodes of a replication group and their number, URL, port and security group."
  value = {
    kind  = var.kind
    id    = local.managed == 1 ? local.id : null
    nodes = sort(flatten(aws_elasticache_replication_group.this[*].member_clusters))
    # Known before the nodes exist, so that their alarms can be planned.
    node_count        = local.group == 1 ? var.shards * (1 + var.replicas) : 0
    url               = local.url
    port              = local.port
    security_group_id = one(aws_security_group.cache[*].id)
  }
}

output "redis" {
  description = "How the functions connect: URL, cluster mode and, with IAM authentication, the user."
  value = {
    url     = local.url
    cluster = var.url != null ? var.url_is_cluster : true
    iam = var.url != null ? null : {
      user       = local.user
      cache      = local.id
      serverless = local.serverless == 1
      # All caches of this deployment, so that functions may use both while they move to another.
      arns = [
        "${local.arn_prefix}:serverlesscache:${var.name}-*",
        "${local.arn_prefix}:replicationgroup:${var.name}-*",
        "${local.arn_prefix}:user:${local.user}",
      ]
    }
  }
}
