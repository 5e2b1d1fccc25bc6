mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "chat"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-1", "subnet-2"]
}

override_data {
  target = data.aws_subnet.given["subnet-1"]
  values = { vpc_id = "vpc-1", availability_zone = "us-east-1a" }
}

override_data {
  target = data.aws_subnet.given["subnet-2"]
  values = { vpc_id = "vpc-1", availability_zone = "us-east-1b" }
}

run "only_a_security_group_is_made" {
  assert {
    condition     = aws_security_group.functions.vpc_id == "vpc-1" && output.subnet_ids == tolist(["subnet-1", "subnet-2"]) && [for rule in aws_vpc_security_group_egress_rule.functions_ipv4 : rule.from_port] == [443]
    error_message = "The functions speak HTTPS to the world, and nobody calls them."
  }
}

run "over_ipv6" {
  variables {
    ipv6         = true
    egress_ports = [443, 6390]
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.functions_ipv6) == 2 && output.ipv6
    error_message = "Both ports, over IPv6, too."
  }
}

run "subnets_of_one_zone" {
  command = plan

  override_data {
    target = data.aws_subnet.given["subnet-2"]
    values = { vpc_id = "vpc-1", availability_zone = "us-east-1a" }
  }

  expect_failures = [aws_security_group.functions]
}

run "a_subnet_of_another_vpc" {
  command = plan

  override_data {
    target = data.aws_subnet.given["subnet-2"]
    values = { vpc_id = "vpc-2", availability_zone = "us-east-1b" }
  }

  expect_failures = [data.aws_subnet.given]
}

run "one_subnet_is_too_few" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}
