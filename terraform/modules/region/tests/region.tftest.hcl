# `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "chat"
}

run "complete_with_defaults" {
  assert {
    condition     = length(module.network) == 1 && output.cache.kind == "serverless"
    error_message = "ElastiCache is in a VPC, and so are the functions."
  }

  assert {
    condition     = aws_secretsmanager_secret.this[0].name == "chat-secrets" && length(aws_secretsmanager_secret.this[0].replica) == 0
    error_message = "The secret must be created without a value."
  }

  assert {
    condition     = setunion(keys(output.function_names), ["relay"]) == toset(keys(jsondecode(file("../app/permissions.json")))) && output.tables.rooms == "chat-rooms" && output.queues.delivery.name == "chat-delivery.fifo"
    error_message = "What others build on."
  }

  assert {
    condition     = toset(output.dead_letter_queues) == toset(["chat-delivery-dead.fifo", "chat-outbound-dead", "chat-replicated-dead"]) && output.broadcast.topic_arn == null && output.broadcast.inbox_arn == null
    error_message = "The dead letters that are watched; with one region there is no inbox."
  }
}

run "external_cache_without_a_vpc" {
  variables {
    cache = { kind = "external", url = "rediss://cache.example.com:6390" }
  }

  assert {
    condition     = length(module.network) == 0 && output.cache.id == null
    error_message = "No VPC where none is needed."
  }
}

run "what_is_set_reaches_the_functions" {
  state_key = "what_is_set_reaches_the_functions"
  command   = plan

  variables {
    cache             = { kind = "external", url = "redis://cache.example.com" }
    app               = { shards = 2, endpoints = { us-east-1 = { websocket = "wss://chat.example.com/{shard}", health = "https://chat.example.com/v1/health" } }, settings = { TIDINGS_MAX_ROOMS = "7" }, cors_origins = ["https://chat.example.com"] }
    metrics_namespace = "Chat"
    connections_url   = "http://127.0.0.1:8080"
    aws_endpoint_url  = "http://127.0.0.1:4566"
  }

  assert {
    condition = jsonencode(module.app.environment) == jsonencode({
      AWS_ENDPOINT_URL          = "http://127.0.0.1:4566"
      TIDINGS_ALLOWED_ORIGINS   = "https://chat.example.com"
      TIDINGS_CONNECTIONS_URL   = "http://127.0.0.1:8080"
      TIDINGS_ENDPOINTS         = jsonencode({ us-east-1 = { health = "https://chat.example.com/v1/health", websocket = "wss://chat.example.com/{shard}" } })
      TIDINGS_MAX_ROOMS         = "7"
      TIDINGS_METRICS_NAMESPACE = "Chat"
      TIDINGS_OUTBOX            = "1"
      TIDINGS_POSTS_PER_S       = "7000"
      TIDINGS_PREFIX            = "chat"
      TIDINGS_REDIS_URL         = "redis://cache.example.com"
      TIDINGS_SECRET_ID         = "chat-secrets"
      TIDINGS_SHARDS            = "2"
    })
    error_message = "Under the names that the code reads."
  }
}

run "external_cache_in_a_vpc" {
  variables {
    cache   = { kind = "external", url = "rediss://:{redis_password}@cache.example.com:6390/0" }
    network = { create = true }
  }

  assert {
    condition     = length(module.network) == 1 && one(local.external_ports) == 6390
    error_message = "The functions may call the cache's port."
  }
}

run "primary_of_two_regions" {
  variables {
    regions = ["us-east-1", "eu-west-1"]
    peers = {
      eu-west-1 = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:chat-broadcast", inbox_arn = "arn:aws:sqs:eu-west-1:123456789012:chat-inbox" }
      us-east-1 = { topic_arn = "arn:aws:sns:us-east-1:123456789012:chat-broadcast", inbox_arn = "arn:aws:sqs:us-east-1:123456789012:chat-inbox" }
    }
    kms_key_arns = {
      eu-west-1 = "arn:aws:kms:eu-west-1:123456789012:key/1"
      us-east-1 = "arn:aws:kms:us-east-1:123456789012:key/2"
    }
  }

  assert {
    condition     = local.kms_key_arn == "arn:aws:kms:us-east-1:123456789012:key/2" && one(aws_secretsmanager_secret.this[0].replica).kms_key_id == "arn:aws:kms:eu-west-1:123456789012:key/1"
    error_message = "A key is of one region."
  }

  assert {
    condition     = module.tables.replica_regions == tolist(["eu-west-1"])
    error_message = "The tables are the same everywhere."
  }

  assert {
    condition     = contains(keys(output.function_names), "replicated") && contains(keys(output.function_names), "relay") && contains(output.dead_letter_queues, "chat-replicated-dead") && keys(output.replica_streams) == ["eu-west-1"]
    error_message = "What other regions write must be carried."
  }

  assert {
    condition     = [for replica in aws_secretsmanager_secret.this[0].replica : replica.region] == ["eu-west-1"]
    error_message = "The secret is the same everywhere."
  }
}

run "second_region" {
  variables {
    primary = false
    regions = ["eu-west-1", "us-east-1"]
    streams = { for name in ["messages", "rooms", "memberships", "friends", "consents", "revocations", "presence", "reads"] : name => "arn:aws:dynamodb:us-east-1:123456789012:table/chat-${name}/stream/1" }
    peers   = { eu-west-1 = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:chat-broadcast", inbox_arn = "arn:aws:sqs:eu-west-1:123456789012:chat-inbox" } }
  }

  assert {
    condition     = contains(output.alarms.alarm_names, "chat-replication-messages-eu-west-1")
    error_message = "A region must monitor the replication of its own writes to the others."
  }

  assert {
    condition     = module.app.environment.TIDINGS_TOPIC_ARN == output.broadcast.topic_arn && contains(output.alarms.alarm_names, "chat-events-not-brought")
    error_message = "The functions must know the topic, and it must be watched."
  }

  assert {
    condition     = module.app.environment.TIDINGS_REGIONS == "eu-west-1,us-east-1" && contains(keys(output.function_names), "replicated")
    error_message = "The functions must know all regions in the order of the deployment."
  }

  assert {
    condition     = length(aws_secretsmanager_secret.this) == 0 && output.secret.arn == "arn:aws:secretsmanager:us-east-1:123456789012:secret:chat-secrets-??????"
    error_message = "The replica of the primary's secret is used."
  }
}
