mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "chat"
}

run "a_nat_gateway_in_each_zone" {
  assert {
    condition     = toset(keys(aws_subnet.private)) == toset(["us-east-1a", "us-east-1b"]) && toset(keys(aws_nat_gateway.this)) == toset(["us-east-1a", "us-east-1b"]) && length(aws_route.nat) == 2
    error_message = "Two zones, each with its own way out."
  }

  assert {
    condition     = length(distinct(concat([for subnet in aws_subnet.private : subnet.cidr_block], [for subnet in aws_subnet.public : subnet.cidr_block]))) == 4
    error_message = "Subnets do not overlap."
  }

  assert {
    condition     = aws_vpc_endpoint.dynamodb.vpc_endpoint_type == "Gateway" && length(aws_vpc_endpoint.interface) == 0
    error_message = "DynamoDB by the free gateway endpoint, the rest through NAT."
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_egress_rule.functions_ipv4 : rule.from_port] == [443]
    error_message = "The functions speak HTTPS to the world."
  }

  assert {
    condition     = length(aws_flow_log.this) == 0 && length(coalesce(aws_default_security_group.this.ingress, [])) == 0
    error_message = "No flow logs unless asked, and the default group lets nothing in."
  }
}

run "only_zones_that_have_all_of_it" {
  assert {
    condition     = data.aws_availability_zones.available.exclude_zone_ids == toset(["use1-az3", "usw1-az2", "cac1-az3", "apne1-az3"])
    error_message = "Names differ from account to account, ids do not."
  }
}

run "zones_of_one_s_own_choice" {
  variables {
    zone_names = ["us-east-1d", "us-east-1b"]
  }

  assert {
    condition     = toset(keys(aws_subnet.private)) == toset(["us-east-1b", "us-east-1d"]) && length(aws_nat_gateway.this) == 2
    error_message = "The zones that are named."
  }
}

run "one_zone_is_too_few" {
  command = plan

  variables {
    zone_names = ["us-east-1b", "us-east-1b"]
  }

  expect_failures = [var.zone_names]
}

run "one_nat_gateway_for_all" {
  variables {
    egress = "nat-single"
    zones  = 3
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 3
    error_message = "Three zones leave by one gateway."
  }
}

run "ipv6_only" {
  variables {
    egress = "ipv6"
  }

  assert {
    condition     = length(aws_nat_gateway.this) + length(aws_eip.nat) + length(aws_internet_gateway.this) == 0 && length(aws_egress_only_internet_gateway.this) == 1 && length(aws_route.ipv6) == 2
    error_message = "No gateway that costs."
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["sqs", "secretsmanager", "monitoring"]) && alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled])
    error_message = "The APIs that the functions call have endpoints."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : subnet.ipv6_cidr_block != null]) && output.ipv6
    error_message = "The subnets have IPv6."
  }
}

run "several_regions_by_ipv6_call_sns_too" {
  variables {
    egress  = "ipv6"
    several = true
  }

  assert {
    condition     = contains(keys(aws_vpc_endpoint.interface), "sns")
    error_message = "SNS must be reachable without NAT."
  }
}

run "never_execute_api" {
  command = plan

  variables {
    interface_endpoints = ["execute-api"]
  }

  expect_failures = [var.interface_endpoints]
}

run "flow_logs" {
  variables {
    flow_log_days = 30
  }

  assert {
    condition     = aws_flow_log.this[0].traffic_type == "REJECT" && aws_cloudwatch_log_group.flow[0].retention_in_days == 30
    error_message = "What is refused is kept."
  }
}

run "a_zone_named_twice" {
  command = plan

  variables {
    zone_names = ["us-east-1a", "us-east-1b", "us-east-1a"]
  }

  expect_failures = [var.zone_names]
}
