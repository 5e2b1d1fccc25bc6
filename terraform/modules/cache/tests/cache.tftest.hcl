mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name    = "chat"
  network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], placement = ["10.60.0.0/16", "us-east-1a", "us-east-1b"], functions_security_group_id = "sg-1" }
}

run "serverless_by_default" {
  assert {
    condition     = length(aws_elasticache_serverless_cache.this) == 1 && length(aws_elasticache_replication_group.this) == 0
    error_message = "The default is a serverless cache."
  }

  assert {
    condition     = output.redis.url == "rediss://tidings.serverless.use1.cache.amazonaws.com:6379" && output.redis.cluster
    error_message = "TLS, and cluster mode as serverless caches have it."
  }

  assert {
    condition     = aws_elasticache_user.app[0].user_id == aws_elasticache_user.app[0].user_name && one(aws_elasticache_user.app[0].authentication_mode).type == "iam"
    error_message = "With IAM, user id and name are one."
  }

  assert {
    condition = jsonencode(output.redis.iam) == jsonencode({
      user       = "chat-app"
      cache      = aws_elasticache_serverless_cache.this[0].name
      serverless = true
      arns       = ["arn:aws:elasticache:us-east-1:123456789012:serverlesscache:chat-*", "arn:aws:elasticache:us-east-1:123456789012:replicationgroup:chat-*", "arn:aws:elasticache:us-east-1:123456789012:user:chat-app"]
    })
    error_message = "What the functions sign with and may connect to."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.cache[0].referenced_security_group_id == "sg-1"
    error_message = "Only the functions reach the cache."
  }
}

run "replication_group" {
  variables {
    kind = "replication-group"
  }

  assert {
    condition     = aws_elasticache_replication_group.this[0].transit_encryption_enabled && tobool(aws_elasticache_replication_group.this[0].at_rest_encryption_enabled) && aws_elasticache_replication_group.this[0].multi_az_enabled && aws_elasticache_replication_group.this[0].automatic_failover_enabled
    error_message = "Encrypted, in several zones, with failover."
  }

  assert {
    condition     = aws_elasticache_replication_group.this[0].parameter_group_name == "default.valkey8.cluster.on" && output.redis.iam.serverless == false && output.redis.iam.cache == aws_elasticache_replication_group.this[0].replication_group_id && aws_elasticache_replication_group.this[0].apply_immediately
    error_message = "Cluster mode, and IAM for a replication group."
  }

  assert {
    condition     = output.cache.node_count == 2 && output.cache.nodes == tolist(["tidings-0001-001", "tidings-0001-002"])
    error_message = "A shard and its replica."
  }
}

run "a_version_that_aws_moved_on_is_kept" {
  variables {
    kind           = "replication-group"
    engine_version = "8.1"
  }

  assert {
    condition     = aws_elasticache_replication_group.this[0].engine_version == "8.0"
    error_message = "AWS upgrades minor versions by itself; going back would replace the group."
  }
}

run "another_key_is_another_cache" {
  variables {
    kind        = "replication-group"
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  }

  assert {
    condition     = output.cache.id != run.replication_group.cache.id && aws_elasticache_subnet_group.this[0].name == output.cache.id && length(output.cache.id) == length("chat-123456")
    error_message = "ElastiCache cannot change the key of a cache: the second one has another name."
  }
}

run "external" {
  variables {
    kind    = "external"
    url     = "rediss://cache.example.com:6390/0"
    network = null
  }

  assert {
    condition     = length(aws_elasticache_user.app) + length(aws_security_group.cache) == 0 && output.redis.url == "rediss://cache.example.com:6390/0" && output.redis.iam == null && !output.redis.cluster
    error_message = "Nothing is made for an external cache."
  }
}

run "the_place_of_a_password" {
  variables {
    kind           = "external"
    url            = "rediss://tidings:{redis_password}@cache.example.com:6390/0"
    url_is_cluster = true
    network        = null
  }

  assert {
    condition     = output.redis.url == "rediss://tidings:{redis_password}@cache.example.com:6390/0" && output.redis.cluster
    error_message = "The functions take the password from the secret."
  }
}

run "no_password_in_a_url" {
  command = plan

  variables {
    kind = "external"
    url  = "rediss://user:word@cache.example.com:6390/0"
  }

  expect_failures = [var.url]
}

run "an_external_cache_has_an_address" {
  command = plan

  variables {
    kind = "external"
  }

  expect_failures = [var.url]
}
