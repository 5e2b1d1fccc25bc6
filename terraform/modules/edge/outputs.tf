output "url" {
  description = "The URL of the service for clients, without a trailing slash."
  value       = "https://${local.host}"
}

output "websocket_url" {
  description = "The URL of the JSON websocket. With several shards it contains {shard}, which GET /v1/endpoint replaces: the form that TIDINGS_ENDPOINTS expects."
  value       = "wss://${local.host}/${length(local.shards) == 1 ? "ws" : "{shard}"}"
}

output "distribution_id" {
  description = "The id of the CloudFront distribution."
  value       = aws_cloudfront_distribution.this.id
}

output "domain" {
  description = "The host: your domain, or CloudFront's own name without one."
  value       = local.host
}

output "health_check_ids" {
  description = "Ids of the Route 53 health checks by region; empty without regional targets."
  value       = { for region, check in aws_route53_health_check.region : region => check.id }
}
