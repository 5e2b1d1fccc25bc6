locals {
  # All regions have the same hosts, so the origins can be read from any of them.
  any = values(var.regions)[0]

  custom_domains = local.any.regional_http_target != null
  shards         = range(length(local.any.websocket_domains))
  http_origin    = "http"
  origins = merge(
    { (local.http_origin) = local.any.http_domain },
    { for shard in local.shards : "websocket-${shard}" => local.any.websocket_domains[shard] },
  )

  # By path: /ws, /ws-1, … and the stages' names, as in the local gateway.
  targets = [
    for shard in local.shards : {
      origin = "websocket-${shard}"
      # A custom domain's mapping key is the stage's name.
      path = "/${local.any.websocket_stages[shard]}"
    }
  ]
  websockets = merge(
    { for shard in local.shards : "/${local.any.websocket_stages[shard]}" => local.targets[shard] },
    { for shard in local.shards : shard == 0 ? "/ws" : "/ws-${shard}" => local.targets[shard] },
  )
  http_stage = local.custom_domains || local.any.http_stage == "$default" ? "" : "/${local.any.http_stage}"

  host = coalesce(var.domain, aws_cloudfront_distribution.this.domain_name)

  # Managed policies have the same ids in every account.
  # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
  caching_disabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  # Everything except Host, which API Gateway would not recognise: also Authorization, Origin,
  # Sec-WebSocket-* and the query string.
  # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
  all_viewer_except_host = "b689b0a8-53d0-40ab-baf2-68738e2966ac"

  # Answers that are the same for everybody, and say how long they may be kept. Never health: while an origin
  # answers 5xx, CloudFront serves the expired copy, so a region that fails would look healthy.
  # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
  public = ["/v1/openapi.json"]

  # CloudFront caches these errors for 10 s by default, whatever the cache policy says: one 503 would
  # then be the answer to all polling clients of an edge location.
  # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html
  errors = [400, 403, 404, 405, 414, 500, 501, 502, 503, 504]
}

resource "aws_cloudfront_function" "route" {
  name    = "${var.name}-route"
  comment = "Chooses the API: WebSocket by path or transport, else HTTP"
  runtime = "cloudfront-js-2.0"
  publish = true
  code = templatefile("${path.module}/function.js", {
    websockets = jsonencode(local.websockets)
    http_stage = local.http_stage
  })
}

resource "aws_cloudfront_cache_policy" "public" {
  name    = "${var.name}-public"
  comment = "As long as Cache-Control says; an answer's CORS headers depend on Origin"

  min_ttl     = 0
  default_ttl = 0
  max_ttl     = 300

  parameters_in_cache_key_and_forwarded_to_origin {
    cookies_config {
      cookie_behavior = "none"
    }
    query_strings_config {
      query_string_behavior = "none"
    }
    headers_config {
      header_behavior = "whitelist"
      headers {
        items = ["Origin"]
      }
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  comment         = var.name
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = var.price_class
  aliases         = var.domain == null ? [] : [var.domain]
  web_acl_id      = var.web_acl_arn
  tags            = var.tags

  dynamic "origin" {
    for_each = local.origins
    content {
      origin_id   = origin.key
      domain_name = origin.value

      # CloudFront sends it instead of what a viewer may have sent under this name.
      # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html
      custom_header {
        name  = "X-Tidings-Proof"
        value = var.proof
      }

      custom_origin_config {
        http_port              = 80
        https_port             = 443
        origin_protocol_policy = "https-only"
        origin_ssl_protocols   = ["TLSv1.2"]
        # Longer than the 30 s after which an HTTP API itself answers 503.
        origin_read_timeout      = 35
        origin_keepalive_timeout = 60
      }
    }
  }

  default_cache_behavior {
    target_origin_id         = local.http_origin
    viewer_protocol_policy   = "https-only" # a redirect would come after the token was sent unencrypted
    allowed_methods          = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods           = ["GET", "HEAD"]
    compress                 = false
    cache_policy_id          = local.caching_disabled
    origin_request_policy_id = local.all_viewer_except_host

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.route.arn
    }
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.public
    content {
      path_pattern             = ordered_cache_behavior.value
      target_origin_id         = local.http_origin
      viewer_protocol_policy   = "https-only"
      allowed_methods          = ["GET", "HEAD", "OPTIONS"]
      cached_methods           = ["GET", "HEAD"]
      compress                 = false
      cache_policy_id          = aws_cloudfront_cache_policy.public.id
      origin_request_policy_id = local.all_viewer_except_host

      function_association {
        event_type   = "viewer-request"
        function_arn = aws_cloudfront_function.route.arn
      }
    }
  }

  dynamic "custom_error_response" {
    for_each = local.errors
    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 0
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.domain == null
    acm_certificate_arn            = one(aws_acm_certificate_validation.this[*].certificate_arn)
    ssl_support_method             = var.domain == null ? null : "sni-only"
    # With its default name, CloudFront chooses this itself.
    minimum_protocol_version = var.domain == null ? "TLSv1" : "TLSv1.2_2021"
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }
}
