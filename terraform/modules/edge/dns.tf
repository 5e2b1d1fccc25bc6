# The host's certificate and records, and latency records to the nearest healthy region.

resource "aws_acm_certificate" "this" {
  count    = var.domain == null ? 0 : 1
  provider = aws.us_east_1

  domain_name       = var.domain
  validation_method = "DNS"
  tags              = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  # One name, so one record; its key must be known before the certificate exists.
  for_each = toset(var.domain == null ? [] : [var.domain])

  zone_id         = var.zone_id
  name            = one(aws_acm_certificate.this[0].domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.this[0].domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.this[0].domain_validation_options).resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  count    = var.domain == null ? 0 : 1
  provider = aws.us_east_1

  certificate_arn         = aws_acm_certificate.this[0].arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

resource "aws_route53_record" "host" {
  for_each = toset(var.domain == null ? [] : ["A", "AAAA"])

  zone_id = var.zone_id
  name    = var.domain
  type    = each.key

  alias {
    name                   = aws_cloudfront_distribution.this.domain_name
    zone_id                = aws_cloudfront_distribution.this.hosted_zone_id
    evaluate_target_health = false # CloudFront's names have no health status
  }
}

# A region is healthy if its own API can reach its tables and queues.
resource "aws_route53_health_check" "region" {
  for_each = { for name, region in var.regions : name => region if region.regional_http_target != null }

  type              = "HTTPS"
  fqdn              = each.value.health_host
  port              = 443
  resource_path     = each.value.health_path
  request_interval  = var.health_check_interval_s
  failure_threshold = 3
  enable_sni        = true
  tags              = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

locals {
  # One record for each host and region; shards may share a host.
  targets_by_host = { for name, region in var.regions : name => merge(
    { for shard, target in region.regional_websocket_targets : region.websocket_domains[shard] => target... },
    region.regional_http_target == null ? {} : { (region.http_domain) = [region.regional_http_target] },
  ) }
  latency = merge([
    for region, targets in local.targets_by_host : {
      for host, same in targets : "${host} ${region}" => { region = region, host = host, target = same[0] }
    }
  ]...)
}

resource "aws_route53_record" "latency" {
  for_each = local.latency

  zone_id         = var.zone_id
  name            = each.value.host
  type            = "A"
  set_identifier  = each.value.region
  health_check_id = aws_route53_health_check.region[each.value.region].id

  latency_routing_policy {
    region = each.value.region
  }

  alias {
    name                   = each.value.target.dns_name
    zone_id                = each.value.target.zone_id
    evaluate_target_health = true
  }
}
