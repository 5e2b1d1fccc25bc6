# The functions' environment, which chalicelib/kernel/settings.py reads. It contains no secret.

locals {
  # Several APIs have a common address only with a custom domain.
  own_websocket_url = (
    var.domains != null ? "wss://${var.domains.websocket.name}/${var.shards == 1 ? var.stage : "{shard}"}" :
    var.shards == 1 ? "wss://${replace(aws_apigatewayv2_api.websocket[local.stages[0]].api_endpoint, "/^[a-z]+:\\/\\//", "")}/${var.stage}" : null
  )
  own_http_url = (
    var.domains != null ? "https://${var.domains.http.name}" : aws_apigatewayv2_api.http.api_endpoint
  )
  own_endpoint = local.own_websocket_url == null ? {} : {
    (local.region) = { websocket = local.own_websocket_url, health = "${local.own_http_url}/v1/health" }
  }

  endpoints = merge(local.own_endpoint, var.endpoints)

  environment = { for name, value in merge(var.settings, {
    TIDINGS_PREFIX               = var.name
    TIDINGS_REGIONS              = local.several ? join(",", var.regions) : ""
    TIDINGS_TOPIC_ARN            = local.several ? var.topic_arn : ""
    TIDINGS_SECRET_ID            = var.secret.name
    TIDINGS_OUTBOX               = var.outbox && contains(keys(local.streams), "messages") ? "1" : ""
    TIDINGS_SHARDS               = tostring(var.shards)
    TIDINGS_POSTS_PER_S          = tostring(local.posts_per_s)
    TIDINGS_METRICS_NAMESPACE    = var.metrics_namespace
    TIDINGS_ALLOWED_ORIGINS      = join(",", var.cors_origins)
    TIDINGS_ENDPOINTS            = jsonencode(local.endpoints)
    TIDINGS_REDIS_URL            = var.redis.url
    TIDINGS_REDIS_CLUSTER        = var.redis.cluster ? "1" : ""
    TIDINGS_REDIS_IAM_USER       = var.redis.iam == null ? "" : var.redis.iam.user
    TIDINGS_REDIS_IAM_CACHE      = var.redis.iam == null ? "" : var.redis.iam.cache
    TIDINGS_REDIS_IAM_SERVERLESS = var.redis.iam == null ? "" : var.redis.iam.serverless ? "1" : ""
    # In an emulator, @connections is a gateway that may start later than the functions.
    TIDINGS_WEBSOCKET_APIS  = var.connections_url != null ? "" : join(",", [for stage, api in aws_apigatewayv2_api.websocket : "${api.id}/${stage}"])
    TIDINGS_CONNECTIONS_URL = var.connections_url == null ? "" : var.connections_url
    AWS_ENDPOINT_URL        = var.aws_endpoint_url == null ? "" : var.aws_endpoint_url
  }) : name => value if value != "" }
}
