# What the functions need in a VPC that others made: a security group. Subnets, routes and endpoints are theirs.

data "aws_subnet" "given" {
  for_each = toset(var.subnet_ids)

  id = each.key

  lifecycle {
    postcondition {
      condition     = self.vpc_id == var.vpc_id
      error_message = "The subnet ${each.key} is in ${self.vpc_id}, not in ${var.vpc_id}."
    }
  }
}

resource "aws_security_group" "functions" {
  name        = "${var.name}-functions"
  description = "The functions: they call, nobody calls them."
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-functions" }

  depends_on = [var.network_rights]

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = length(distinct([for subnet in data.aws_subnet.given : subnet.availability_zone])) > 1
      error_message = "Give subnets of two zones or more: otherwise the failure of a zone takes everything down."
    }
  }
}

# AWS's APIs, an identity provider (JWKS URL) and an external cache have no fixed addresses. The cache
# module adds the rule for its own cache.
resource "aws_vpc_security_group_egress_rule" "functions_ipv4" {
  for_each = toset([for port in var.egress_ports : tostring(port)])

  security_group_id = aws_security_group.functions.id
  description       = "To AWS, the identity provider, an external cache."
  ip_protocol       = "tcp"
  from_port         = each.key
  to_port           = each.key
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "functions_ipv6" {
  for_each = toset(var.ipv6 ? [for port in var.egress_ports : tostring(port)] : [])

  security_group_id = aws_security_group.functions.id
  description       = "To AWS, the identity provider, an external cache."
  ip_protocol       = "tcp"
  from_port         = each.key
  to_port           = each.key
  cidr_ipv6         = "::/0"
}
