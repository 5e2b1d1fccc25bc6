# ElastiCache for Valkey, or the URL of an external cache. It has no snapshots, as everything in it can
# be rebuilt from DynamoDB.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  serverless = var.kind == "serverless" ? 1 : 0
  group      = var.kind == "replication-group" ? 1 : 0
  managed    = local.serverless + local.group
  major      = split(".", var.engine_version)[0]

  # ElastiCache cannot change a cache's key, nor the subnets of a serverless one. With other ones, there is a
  # second cache by another name; the functions move to it, and then the first one is deleted. It is empty at
  # first: what is in a cache is found again in DynamoDB.
  id = "${var.name}-${substr(sha1(jsonencode([var.kms_key_arn, try(var.network.placement, [])])), 0, 6)}"

  # IAM authentication: there is no password. ElastiCache requires the same user name and id for it.
  # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
  user = "${var.name}-app"

  arn_prefix = "arn:${data.aws_partition.current.partition}:elasticache:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
}

resource "aws_security_group" "cache" {
  count = local.managed

  name        = "${var.name}-cache"
  description = "The cache: the functions call it."
  vpc_id      = var.network.vpc_id

  tags = { Name = "${var.name}-cache" }
}

# A serverless cache uses port 6380 for reads from replicas.
resource "aws_vpc_security_group_ingress_rule" "cache" {
  count = local.managed

  security_group_id            = aws_security_group.cache[0].id
  referenced_security_group_id = var.network.functions_security_group_id
  description                  = "From the functions."
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6380
}

resource "aws_vpc_security_group_egress_rule" "functions" {
  count = local.managed

  security_group_id            = var.network.functions_security_group_id
  referenced_security_group_id = aws_security_group.cache[0].id
  description                  = "To the cache."
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6380
}

resource "aws_elasticache_user" "app" {
  count = local.managed

  user_id       = local.user
  user_name     = local.user
  engine        = "valkey"
  access_string = "on ~* allchannels +@all -@dangerous +info"

  authentication_mode {
    type = "iam"
  }

  # It never changes after creation, and some emulators do not store it.
  lifecycle {
    ignore_changes = [authentication_mode]
  }
}

resource "aws_elasticache_user_group" "app" {
  count = local.managed

  user_group_id = "${var.name}-users"
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.app[0].user_id]
}

resource "aws_elasticache_serverless_cache" "this" {
  count = local.serverless

  name                 = local.id
  description          = "Tidings: presence, rooms online, recent messages, rate limits."
  engine               = "valkey"
  major_engine_version = local.major
  subnet_ids           = var.network.subnet_ids
  security_group_ids   = [aws_security_group.cache[0].id]
  user_group_id        = aws_elasticache_user_group.app[0].user_group_id
  kms_key_id           = var.kms_key_arn

  cache_usage_limits {
    data_storage {
      maximum = var.serverless_limits.data_gb
      unit    = "GB"
    }
    ecpu_per_second {
      maximum = var.serverless_limits.ecpu_per_second
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_elasticache_subnet_group" "this" {
  count = local.group

  name        = local.id
  description = "Private subnets."
  subnet_ids  = var.network.subnet_ids
}

resource "aws_elasticache_replication_group" "this" {
  count = local.group

  replication_group_id       = local.id
  description                = "Tidings: presence, rooms online, recent messages, rate limits."
  engine                     = "valkey"
  engine_version             = var.engine_version
  node_type                  = var.node_type
  parameter_group_name       = "default.valkey${local.major}.cluster.on"
  port                       = 6379
  num_node_groups            = var.shards
  replicas_per_node_group    = var.replicas
  automatic_failover_enabled = true
  multi_az_enabled           = true
  subnet_group_name          = aws_elasticache_subnet_group.this[0].name
  security_group_ids         = [aws_security_group.cache[0].id]
  user_group_ids             = [aws_elasticache_user_group.app[0].user_group_id]
  transit_encryption_enabled = true
  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn
  snapshot_retention_limit   = 0
  auto_minor_version_upgrade = true
  apply_immediately          = true # not in the next maintenance window: whoever applies waits for it

  # AWS upgrades to newer minor versions. Without this, the plan would replace the group to go back to
  # the variable's version.
  # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VersionManagement.html
  lifecycle {
    ignore_changes        = [engine_version]
    create_before_destroy = true
  }
}
