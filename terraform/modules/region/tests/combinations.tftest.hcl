# Networks, caches, keys and roles that companies combine: each can be planned before anything exists, and what
# others made is used, not made. `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

mock_provider "aws" {
  source = "../../tests/mocks"

  override_data {
    target = module.existing_network[0].data.aws_subnet.given["subnet-1"]
    values = { vpc_id = "vpc-1", availability_zone = "us-east-1a" }
  }

  override_data {
    target = module.existing_network[0].data.aws_subnet.given["subnet-2"]
    values = { vpc_id = "vpc-1", availability_zone = "us-east-1b" }
  }
}

variables {
  name = "chat"
}

run "no_vpc_and_an_external_cache" {
  command = plan

  variables {
    cache = { kind = "external", url = "rediss://cache.example.com" }
  }

  assert {
    condition     = length(module.network) + length(module.existing_network) == 0 && output.cache.kind == "external"
    error_message = "No vpc and an external cache."
  }
}

run "no_vpc_and_a_cluster_with_a_password" {
  command = plan

  variables {
    cache = { kind = "external", url = "rediss://app:{redis_password}@cache.example.com:6390", url_is_cluster = true }
  }

  assert {
    condition     = module.cache.redis.url == "rediss://app:{redis_password}@cache.example.com:6390" && module.cache.redis.cluster && module.cache.redis.iam == null
    error_message = "No vpc and a cluster with a password."
  }
}

run "existing_vpc_and_serverless" {
  command = plan

  variables {
    network = { existing = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] } }
  }

  assert {
    condition     = length(module.network) == 0 && length(module.existing_network) == 1 && output.cache.kind == "serverless"
    error_message = "Existing vpc and serverless."
  }
}

run "existing_vpc_and_a_replication_group" {
  command = plan

  variables {
    network = { existing = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] } }
    cache   = { kind = "replication-group", replicas = 2 }
  }

  assert {
    condition     = length(module.network) == 0 && length([for name in output.alarms.alarm_names : name if startswith(name, "chat-redis-cpu-")]) == 3
    error_message = "Existing vpc and a replication group."
  }
}

run "existing_vpc_and_an_external_cache" {
  command = plan

  variables {
    network = { existing = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] } }
    cache   = { kind = "external", url = "redis://:{redis_password}@10.1.2.3:6380" }
  }

  assert {
    condition     = length(module.existing_network) == 1 && toset(local.egress_ports) == toset([443, 6380])
    error_message = "Existing vpc and an external cache."
  }
}

run "existing_vpc_over_ipv6" {
  command = plan

  variables {
    network = { existing = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], ipv6 = true } }
  }

  assert {
    condition     = length(module.existing_network) == 1 && local.network.ipv6
    error_message = "Existing vpc over ipv6."
  }
}

run "new_vpc_with_a_key_and_a_boundary" {
  command = plan

  variables {
    kms_key_arns = { us-east-1 = "arn:aws:kms:us-east-1:123456789012:key/1" }
    iam          = { path = "/chat/", permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary" }
    network      = { flow_log_days = 7 }
  }

  assert {
    condition     = length(module.network) == 1 && local.kms_key_arn != null
    error_message = "New vpc with a key and a boundary."
  }
}

run "existing_vpc_with_a_key_a_former_key_and_a_boundary" {
  command = plan

  variables {
    kms_key_arns        = { us-east-1 = "arn:aws:kms:us-east-1:123456789012:key/2" }
    former_kms_key_arns = { us-east-1 = ["arn:aws:kms:us-east-1:123456789012:key/1"] }
    iam                 = { path = "/chat/", permissions_boundary_arn = "arn:aws:iam::aws:policy/PowerUserAccess" }
    network             = { existing = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] } }
  }

  assert {
    condition     = length(module.existing_network) == 1 && local.kms_key_arn != null
    error_message = "Existing vpc with a key a former key and a boundary."
  }
}

run "no_path_without_a_slash" {
  command = plan

  variables {
    iam = { path = "chat" }
  }

  expect_failures = [var.iam]
}

run "china" {
  command = plan

  override_data {
    target = data.aws_region.current
    values = { id = "cn-north-1" }
  }

  expect_failures = [terraform_data.identity]
}
