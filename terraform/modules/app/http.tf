# The HTTP API: every Chalice route, and Socket.IO's polling.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html

locals {
  rest_function = one([for name, function in local.functions : name if function.handler == "app.app"])

  # Never log $context.path: it contains ids of users and rooms. Nor error.messageString: it is already
  # quoted, which would make the line invalid JSON.
  # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
  http_log_format = jsonencode({
    request_id  = "$context.requestId"
    route       = "$context.routeKey"
    status      = "$context.status"
    error       = "$context.error.message"
    integration = "$context.integrationErrorMessage"
    length      = "$context.responseLength"
    latency_ms  = "$context.responseLatency"
    time        = "$context.requestTime"
    ip          = "$context.identity.sourceIp"
  })
}

# No CORS configuration here: it would replace the function's answers to preflight requests.
resource "aws_apigatewayv2_api" "http" {
  name          = "${var.name}-http"
  description   = "Tidings: HTTP and polling."
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "http" {
  api_id             = aws_apigatewayv2_api.http.id
  integration_type   = "AWS_PROXY"
  integration_uri    = aws_lambda_function.this[local.rest_function].invoke_arn
  integration_method = "POST"
  # Chalice understands only this version.
  payload_format_version = "1.0"
}

resource "aws_apigatewayv2_route" "http" {
  for_each = local.http_routes

  api_id    = aws_apigatewayv2_api.http.id
  route_key = each.key
  target    = "integrations/${aws_apigatewayv2_integration.http.id}"
}

# An HTTP API writes logs through a resource policy, which is limited to 5,120 characters for all log
# groups of the account. Groups with this prefix need no entry in it.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
resource "aws_cloudwatch_log_group" "http" {
  name              = "/aws/vendedlogs/apigateway/${var.name}/http"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
}

resource "aws_apigatewayv2_stage" "http" {
  api_id      = aws_apigatewayv2_api.http.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    # Metrics by route cost 0.30 USD each a month, and only the stage is monitored.
    detailed_metrics_enabled = false
    throttling_rate_limit    = local.http_per_s
    throttling_burst_limit   = ceil(local.http_per_s / 2)
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.http.arn
    format          = local.http_log_format
  }
}

resource "aws_lambda_permission" "http" {
  statement_id  = "http"
  function_name = aws_lambda_function.this[local.rest_function].function_name
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.http.execution_arn}/*/*"
}
