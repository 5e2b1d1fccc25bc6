# The module's resources for given variables, on mocked providers.

mock_provider "aws" {
  mock_resource "aws_cloudfront_function" {
    defaults = { arn = "arn:aws:cloudfront::123456789012:function/tidings-route" }
  }
  mock_resource "aws_cloudfront_distribution" {
    defaults = { arn = "arn:aws:cloudfront::123456789012:distribution/E1", domain_name = "d111111abcdef8.cloudfront.net" }
  }
}

mock_provider "aws" {
  alias = "us_east_1"

  mock_resource "aws_acm_certificate" {
    defaults = {
      arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-1111-1111-1111-111111111111"
      domain_validation_options = [{
        domain_name           = "chat.example.com"
        resource_record_name  = "_a.chat.example.com"
        resource_record_type  = "CNAME"
        resource_record_value = "_b.acm-validations.aws"
      }]
    }
  }
  mock_resource "aws_acm_certificate_validation" {
    defaults = { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-1111-1111-1111-111111111111" }
  }
  mock_resource "aws_cloudwatch_log_delivery_destination" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:delivery-destination:tidings-edge" }
  }
}

variables {
  name  = "tidings"
  proof = "11111111-2222-3333-4444-555555555555"
  regions = {
    us-east-1 = {
      websocket_domains = ["abc123.execute-api.us-east-1.amazonaws.com"]
      websocket_stages  = ["prod"]
      http_domain       = "def456.execute-api.us-east-1.amazonaws.com"
    }
  }
}

run "one_region_under_cloudfront_s_own_name" {
  assert {
    condition     = output.url == "https://d111111abcdef8.cloudfront.net" && output.websocket_url == "wss://d111111abcdef8.cloudfront.net/ws"
    error_message = "Without a domain the host is CloudFront's."
  }
  assert {
    condition = { for origin in aws_cloudfront_distribution.this.origin : origin.origin_id => origin.domain_name } == {
      http          = "def456.execute-api.us-east-1.amazonaws.com"
      "websocket-0" = "abc123.execute-api.us-east-1.amazonaws.com"
    }
    error_message = "Each API is an origin."
  }
  assert {
    condition     = local.websockets == jsondecode(file("../../../tests/edge/websockets.json"))["1"]
    error_message = "The function gets what its tests give it."
  }
  assert {
    condition     = strcontains(aws_cloudfront_function.route.code, "JSON.parse('${jsonencode(local.websockets)}')") && strcontains(aws_cloudfront_function.route.code, "HTTP_STAGE = ''")
    error_message = "The code holds the targets."
  }
  assert {
    condition     = startswith(aws_cloudfront_function.route.code, "import cf from 'cloudfront';\n") && length(aws_cloudfront_function.route.code) < 10240
    error_message = "CloudFront wants the import in the first line, and 10 KB at most."
  }
  assert {
    condition     = aws_cloudfront_function.route.runtime == "cloudfront-js-2.0" && aws_cloudfront_function.route.publish
    error_message = "Only runtime 2.0 can choose an origin."
  }
  assert {
    condition     = length(aws_acm_certificate.this) == 0 && length(aws_route53_record.host) == 0 && length(aws_route53_record.latency) == 0
    error_message = "No domain, no records."
  }
  assert {
    condition     = length(aws_cloudwatch_log_delivery.this) == 0
    error_message = "Access logs are optional."
  }
}

run "it_proves_itself_to_each_api_and_names_the_viewer" {
  assert {
    condition     = alltrue([for origin in aws_cloudfront_distribution.this.origin : [for header in origin.custom_header : [header.name, header.value]] == [["X-Tidings-Proof", "11111111-2222-3333-4444-555555555555"]]])
    error_message = "Every origin gets the proof."
  }
  assert {
    condition     = strcontains(aws_cloudfront_function.route.code, "request.headers['x-tidings-viewer'] = { value: event.viewer.ip };")
    error_message = "The viewer's address is set, whatever the viewer has sent."
  }
}

run "a_proof_that_can_be_guessed" {
  command = plan
  variables {
    proof = "short"
  }
  expect_failures = [var.proof]
}

run "an_error_is_nobody_else_s" {
  assert {
    condition     = { for response in aws_cloudfront_distribution.this.custom_error_response : response.error_code => response.error_caching_min_ttl } == { for code in [400, 403, 404, 405, 414, 500, 501, 502, 503, 504] : code => 0 }
    error_message = "Errors must not be cached: CloudFront caches them for 10 s by default, whatever the cache policy says."
  }
}

run "nothing_is_cached_and_everything_but_host_is_forwarded" {
  assert {
    condition     = alltrue([for behavior in aws_cloudfront_distribution.this.default_cache_behavior : behavior.cache_policy_id == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad" && behavior.origin_request_policy_id == "b689b0a8-53d0-40ab-baf2-68738e2966ac"])
    error_message = "CachingDisabled and AllViewerExceptHostHeader."
  }
  assert {
    condition     = alltrue([for behavior in aws_cloudfront_distribution.this.default_cache_behavior : behavior.viewer_protocol_policy == "https-only" && length(behavior.allowed_methods) == 7])
    error_message = "TLS only, all methods."
  }
  assert {
    condition     = aws_cloudfront_distribution.this.http_version == "http2and3" && aws_cloudfront_distribution.this.is_ipv6_enabled
    error_message = "HTTP/2, HTTP/3 and IPv6."
  }
}

run "what_is_the_same_for_everybody_is_kept_as_long_as_it_says" {
  assert {
    condition     = [for behavior in aws_cloudfront_distribution.this.ordered_cache_behavior : behavior.path_pattern] == ["/v1/openapi.json"]
    error_message = "Only the description of the API: of a health check, CloudFront would serve the last success while the region fails."
  }
  assert {
    condition     = alltrue([for behavior in aws_cloudfront_distribution.this.ordered_cache_behavior : behavior.cache_policy_id == aws_cloudfront_cache_policy.public.id && one(behavior.function_association).event_type == "viewer-request"])
    error_message = "It is cached, and led to the API by the same function."
  }
  assert {
    condition     = aws_cloudfront_cache_policy.public.default_ttl == 0 && one(aws_cloudfront_cache_policy.public.parameters_in_cache_key_and_forwarded_to_origin).headers_config[0].headers[0].items == toset(["Origin"])
    error_message = "Nothing is kept without Cache-Control, and pages of other origins get their own CORS headers."
  }
}

run "a_domain_has_a_certificate_and_records" {
  variables {
    domain                     = "chat.example.com"
    zone_id                    = "Z1"
    access_log_destination_arn = "arn:aws:logs:us-east-1:123456789012:log-group:/tidings/edge"
  }
  assert {
    condition     = output.url == "https://chat.example.com" && output.domain == "chat.example.com"
    error_message = "The host is the domain."
  }
  assert {
    condition     = aws_acm_certificate.this[0].domain_name == "chat.example.com" && aws_acm_certificate.this[0].validation_method == "DNS"
    error_message = "The certificate is the domain's."
  }
  assert {
    condition     = aws_route53_record.validation["chat.example.com"].name == "_a.chat.example.com"
    error_message = "It is validated in the zone."
  }
  assert {
    condition     = keys(aws_route53_record.host) == ["A", "AAAA"]
    error_message = "IPv4 and IPv6."
  }
  assert {
    condition     = alltrue([for certificate in aws_cloudfront_distribution.this.viewer_certificate : certificate.minimum_protocol_version == "TLSv1.2_2021" && certificate.ssl_support_method == "sni-only"])
    error_message = "TLS 1.2 at least."
  }
  assert {
    condition     = !contains(aws_cloudwatch_log_delivery.this[0].record_fields, "cs-uri-query") && !contains(aws_cloudwatch_log_delivery.this[0].record_fields, "cs(Referer)")
    error_message = "A token in the query is never logged."
  }
}

run "shards_and_regions_have_latency_records" {
  variables {
    domain  = "chat.example.com"
    zone_id = "Z1"
    regions = {
      us-east-1 = {
        websocket_domains = ["ws.api.example.com", "ws.api.example.com", "ws.api.example.com"]
        websocket_stages  = ["ws-0", "ws-1", "ws-2"]
        http_domain       = "http.api.example.com"
        health_host       = "def456.execute-api.us-east-1.amazonaws.com"
        regional_websocket_targets = [
          { dns_name = "d-0.execute-api.us-east-1.amazonaws.com", zone_id = "Z2" },
          { dns_name = "d-0.execute-api.us-east-1.amazonaws.com", zone_id = "Z2" },
          { dns_name = "d-0.execute-api.us-east-1.amazonaws.com", zone_id = "Z2" },
        ]
        regional_http_target = { dns_name = "d-3.execute-api.us-east-1.amazonaws.com", zone_id = "Z2" }
      }
      eu-west-1 = {
        websocket_domains = ["ws.api.example.com", "ws.api.example.com", "ws.api.example.com"]
        websocket_stages  = ["ws-0", "ws-1", "ws-2"]
        http_domain       = "http.api.example.com"
        health_host       = "ghi789.execute-api.eu-west-1.amazonaws.com"
        regional_websocket_targets = [
          { dns_name = "d-0.execute-api.eu-west-1.amazonaws.com", zone_id = "Z3" },
          { dns_name = "d-0.execute-api.eu-west-1.amazonaws.com", zone_id = "Z3" },
          { dns_name = "d-0.execute-api.eu-west-1.amazonaws.com", zone_id = "Z3" },
        ]
        regional_http_target = { dns_name = "d-3.execute-api.eu-west-1.amazonaws.com", zone_id = "Z3" }
      }
    }
  }
  assert {
    condition     = length(aws_route53_record.latency) == 4 && length(aws_route53_health_check.region) == 2
    error_message = "A record for each host and region, a health check for each region."
  }
  assert {
    condition = alltrue([
      for record in aws_route53_record.latency :
      record.health_check_id == aws_route53_health_check.region[record.set_identifier].id && record.latency_routing_policy[0].region == record.set_identifier
    ])
    error_message = "Each record stands for its region and its health."
  }
  assert {
    condition     = aws_route53_record.latency["ws.api.example.com eu-west-1"].name == "ws.api.example.com" && aws_route53_record.latency["ws.api.example.com eu-west-1"].alias[0].name == "d-0.execute-api.eu-west-1.amazonaws.com"
    error_message = "A host's record leads to that host in its region."
  }
  assert {
    condition     = aws_route53_health_check.region["eu-west-1"].fqdn == "ghi789.execute-api.eu-west-1.amazonaws.com" && aws_route53_health_check.region["eu-west-1"].resource_path == "/v1/health"
    error_message = "A region's health is asked of itself."
  }
  assert {
    condition     = local.websockets == jsondecode(file("../../../tests/edge/websockets.json"))["3"]
    error_message = "The function gets what its tests give it."
  }
  assert {
    condition     = output.websocket_url == "wss://chat.example.com/{shard}"
    error_message = "Each shard has a path."
  }
}

run "a_domain_needs_a_zone" {
  command = plan
  variables { domain = "chat.example.com" }
  expect_failures = [var.zone_id]
}

run "regional_targets_need_a_zone" {
  command = plan
  variables {
    regions = {
      us-east-1 = {
        websocket_domains          = ["ws.example.com"]
        websocket_stages           = ["prod"]
        http_domain                = "api.example.com"
        health_host                = "def456.execute-api.us-east-1.amazonaws.com"
        regional_websocket_targets = [{ dns_name = "d-0.execute-api.us-east-1.amazonaws.com", zone_id = "Z2" }]
        regional_http_target       = { dns_name = "d-1.execute-api.us-east-1.amazonaws.com", zone_id = "Z2" }
      }
    }
  }
  expect_failures = [var.zone_id]
}

run "several_regions_need_targets" {
  command = plan
  variables {
    regions = {
      us-east-1 = { websocket_domains = ["a.example.com"], websocket_stages = ["prod"], http_domain = "b.example.com" }
      eu-west-1 = { websocket_domains = ["a.example.com"], websocket_stages = ["prod"], http_domain = "b.example.com" }
    }
  }
  expect_failures = [var.regions]
}

run "each_api_needs_its_stage" {
  command = plan
  variables {
    regions = {
      us-east-1 = { websocket_domains = ["a.example.com", "c.example.com"], websocket_stages = ["prod"], http_domain = "b.example.com" }
    }
  }
  expect_failures = [var.regions]
}

run "a_web_acl_of_a_region_is_refused" {
  command = plan
  variables { web_acl_arn = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/a/b" }
  expect_failures = [var.web_acl_arn]
}
