output "function_names" {
  description = "Deployed function names by short name."
  value       = { for name, function in aws_lambda_function.this : name => function.function_name }
}

output "role_names" {
  description = "Role names by the function's short name."
  value       = { for name, role in aws_iam_role.function : name => role.name }
}

output "websocket_apis" {
  description = "The WebSocket APIs in the order of shards."
  value = [for stage in local.stages : {
    id       = aws_apigatewayv2_api.websocket[stage].id
    stage    = stage
    endpoint = aws_apigatewayv2_api.websocket[stage].api_endpoint
    domain   = var.domains == null ? null : var.domains.websocket.name
  }]
}

output "http_api" {
  description = "The HTTP API; its stage is $default."
  value = {
    id       = aws_apigatewayv2_api.http.id
    endpoint = aws_apigatewayv2_api.http.api_endpoint
    domain   = var.domains == null ? null : var.domains.http.name
  }
}

output "urls" {
  description = "The URLs of this region without an edge: websocket (of several shards without custom domains: the first one) and http."
  value = {
    websocket = local.own_websocket_url != null ? local.own_websocket_url : "${aws_apigatewayv2_api.websocket[local.stages[0]].api_endpoint}/${local.stages[0]}"
    http      = local.own_http_url
  }
}

output "endpoints" {
  description = "The regions that GET /v1/endpoint names, with their URLs."
  value       = local.endpoints
}

output "own_endpoint" {
  description = "This region's own URLs, as in the variable `endpoints`; {} for several shards without custom domains."
  value       = local.own_endpoint
}

output "domain_targets" {
  description = "Targets for the DNS records of the custom domains, by websocket and http; {} without custom domains."
  value = {
    for name, domain in aws_apigatewayv2_domain_name.this : name => {
      dns_name = domain.domain_name_configuration[0].target_domain_name
      zone_id  = domain.domain_name_configuration[0].hosted_zone_id
    }
  }
}

output "environment" {
  description = "The functions' environment."
  value       = local.environment
}

output "kms_key_arn" {
  description = "The variable `kms_key_arn`, once the functions may use it: for the tables, queues and the secret, which wait for it."
  value       = var.kms_key_arn
  depends_on  = [aws_iam_role_policy.keys]
}

output "network_rights" {
  description = "Ids of the policies by which Lambda manages network interfaces, for a network to wait for."
  value       = [for policy in aws_iam_role_policy.network : policy.id]
}
