# Custom domains, if configured. A WebSocket API and an HTTP API cannot share one.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-custom-domain-names.html

resource "aws_apigatewayv2_domain_name" "this" {
  for_each = var.domains == null ? {} : { websocket = var.domains.websocket, http = var.domains.http }

  domain_name = each.value.name

  domain_name_configuration {
    certificate_arn = each.value.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }

  lifecycle {
    precondition {
      condition     = try(split(":", each.value.certificate_arn)[3], "") == local.region
      error_message = "A regional domain needs a certificate in its own region: create one for ${each.value.name} in ${local.region}."
    }
  }
}

# The key is the stage's name, so that paths are the same with and without a custom domain.
resource "aws_apigatewayv2_api_mapping" "websocket" {
  for_each = var.domains == null ? {} : aws_apigatewayv2_stage.websocket

  api_id          = each.value.api_id
  stage           = each.value.id
  domain_name     = aws_apigatewayv2_domain_name.this["websocket"].id
  api_mapping_key = each.key
}

resource "aws_apigatewayv2_api_mapping" "http" {
  count = var.domains == null ? 0 : 1

  api_id      = aws_apigatewayv2_api.http.id
  stage       = aws_apigatewayv2_stage.http.id
  domain_name = aws_apigatewayv2_domain_name.this["http"].id
}
