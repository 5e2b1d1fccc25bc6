output "url" {
  description = "Where clients reach the service, without a slash at the end."
  value       = "https://${local.host}"
}

output "websocket_url" {
  description = "Of the JSON websocket. With several shards it holds {shard}, which GET /v1/endpoint replaces: the form that TIDINGS_ENDPOINTS takes."
  value       = "wss://${local.host}/${length(local.shards) == 1 ? "ws" : "{shard}"}"
}

output "distribution_id" {
  description = "The CloudFront distribution."
  value       = aws_cloudfront_distribution.this.id
}

output "domain" {
  description = "The one host: the domain that was given, else CloudFront's own name."
  value       = local.host
}

output "health_check_ids" {
  description = "Route 53's health checks by region; empty without regional targets."
  value       = { for region, check in aws_route53_health_check.region : region => check.id }
}
