# The WebSocket APIs, one for each shard.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api.html

locals {
  # A single API has the stage `stage`; with several shards, shard k is an API with the stage `ws-k`.
  stages       = var.shards == 1 ? [var.stage] : [for k in range(var.shards) : "ws-${k}"]
  stage_routes = { for pair in setproduct(local.stages, keys(local.websocket_routes)) : "${pair[0]}/${pair[1]}" => { stage = pair[0], key = pair[1] } }

  # An access log line. Never log $context.path or the request itself: the query may contain a token.
  websocket_log_format = jsonencode({
    request_id    = "$context.requestId"
    connection_id = "$context.connectionId"
    event         = "$context.eventType"
    route         = "$context.routeKey"
    status        = "$context.status"
    error         = "$context.error.message"
    integration   = "$context.integrationErrorMessage"
    time          = "$context.requestTime"
    ip            = "$context.identity.sourceIp"
  })
}

resource "aws_apigatewayv2_api" "websocket" {
  for_each = toset(local.stages)

  name          = "${var.name}-${each.key}"
  description   = "Tidings: websockets, stage ${each.key}."
  protocol_type = "WEBSOCKET"
  # Chalice's expression. No route matches an action, so every frame goes to $default.
  route_selection_expression = "$request.body.action"
  # Functions in a VPC with IPv6 egress post to it over IPv6.
  ip_address_type = var.dualstack ? "dualstack" : null
}

resource "aws_apigatewayv2_integration" "websocket" {
  for_each = local.stage_routes

  api_id                    = aws_apigatewayv2_api.websocket[each.value.stage].id
  integration_type          = "AWS_PROXY"
  integration_uri           = local.invoke_arns[local.websocket_routes[each.value.key]]
  integration_method        = "POST"
  content_handling_strategy = "CONVERT_TO_TEXT"
}

resource "aws_apigatewayv2_route" "websocket" {
  for_each = local.stage_routes

  api_id    = aws_apigatewayv2_api.websocket[each.value.stage].id
  route_key = each.value.key
  target    = "integrations/${aws_apigatewayv2_integration.websocket[each.key].id}"
  # The answer is the function's return body. $connect's status and headers do not need this.
  route_response_selection_expression = each.value.key == "$default" ? "$default" : null
}

resource "aws_apigatewayv2_route_response" "websocket" {
  for_each = { for name, route in local.stage_routes : name => route if route.key == "$default" }

  api_id             = aws_apigatewayv2_api.websocket[each.value.stage].id
  route_id           = aws_apigatewayv2_route.websocket[each.key].id
  route_response_key = "$default"
}

# API Gateway does not deploy a WebSocket API by itself: a change of these triggers deploys it. The new
# deployment must exist before the stage leaves the old one. create_before_destroy spreads to everything
# that it depends on, so these are resources of the API only: a function would bring its role and the cache.
resource "aws_apigatewayv2_deployment" "websocket" {
  for_each = toset(local.stages)

  api_id      = aws_apigatewayv2_api.websocket[each.key].id
  description = "By Terraform."
  triggers = { for key, _ in local.websocket_routes : key => jsonencode({
    route       = aws_apigatewayv2_route.websocket["${each.key}/${key}"].id
    integration = aws_apigatewayv2_integration.websocket["${each.key}/${key}"].id
    function    = aws_apigatewayv2_integration.websocket["${each.key}/${key}"].integration_uri
    content     = aws_apigatewayv2_integration.websocket["${each.key}/${key}"].content_handling_strategy
    answers     = coalesce(aws_apigatewayv2_route.websocket["${each.key}/${key}"].route_response_selection_expression, "none")
  }) }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_apigatewayv2_route_response.websocket]
}

resource "aws_cloudwatch_log_group" "websocket" {
  for_each = toset(local.stages)

  name              = "/aws/vendedlogs/apigateway/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
}

resource "aws_apigatewayv2_stage" "websocket" {
  for_each = toset(local.stages)

  api_id        = aws_apigatewayv2_api.websocket[each.key].id
  name          = each.key
  deployment_id = aws_apigatewayv2_deployment.websocket[each.key].id

  default_route_settings {
    detailed_metrics_enabled = false # metrics by route; only the stage is monitored
    data_trace_enabled       = false # would write payloads and tokens to the log
    logging_level            = "OFF" # the functions log; execution logs would contain the query
    throttling_rate_limit    = local.frames_per_s
    throttling_burst_limit   = ceil(local.frames_per_s / 2)
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.websocket[each.key].arn
    format          = local.websocket_log_format
  }

  depends_on = [aws_api_gateway_account.this]
}

resource "aws_lambda_permission" "websocket" {
  for_each = local.stage_routes

  statement_id  = "websocket-${each.value.stage}"
  function_name = aws_lambda_function.this[local.websocket_routes[each.value.key]].function_name
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.websocket[each.value.stage].execution_arn}/${each.value.stage}/${each.value.key}"
}

# WebSocket APIs write logs with a role that exists once per account and region.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
resource "aws_iam_role" "gateway_logs" {
  count = var.manage_gateway_account ? 1 : 0

  name        = "${var.name}-${local.region}-gateway-logs"
  description = "Lets API Gateway write the logs of ${local.region}."

  path                 = var.iam.path
  permissions_boundary = var.iam.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "apigateway.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "gateway_logs" {
  count = var.manage_gateway_account ? 1 : 0

  role       = aws_iam_role.gateway_logs[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

resource "aws_api_gateway_account" "this" {
  count = var.manage_gateway_account ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.gateway_logs[0].arn
  depends_on          = [aws_iam_role_policy_attachment.gateway_logs]
}
