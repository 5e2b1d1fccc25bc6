# Private subnets for the functions and the cache, and their routes to AWS's APIs.

data "aws_region" "current" {}

# Also zones that are impaired at this moment: subnets must not move in a plan that is made in an outage.
data "aws_availability_zones" "available" {
  # Old zones without Lambda in a VPC, NAT gateways or caches on Graviton. A zone's name differs between
  # accounts, its id does not.
  # https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html
  exclude_zone_ids = ["use1-az3", "usw1-az2", "cac1-az3", "apne1-az3"]

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }

  lifecycle {
    postcondition {
      condition     = var.zone_names != null || length(self.names) >= var.zones
      error_message = "This region has ${length(self.names)} zones that Tidings can use: lower network.zones, or name the zones."
    }
  }
}

locals {
  region = data.aws_region.current.id
  zones  = var.zone_names != null ? var.zone_names : slice(sort(data.aws_availability_zones.available.names), 0, var.zones)
  ipv6   = var.egress == "ipv6"
  nat    = { nat = local.zones, nat-single = slice(local.zones, 0, 1), ipv6 = [] }[var.egress]
}

locals {
  # The place of a zone's subnets in the VPC's range, by the letter at the end of its name: independent of the
  # other zones, so that a zone can be added, removed or exchanged.
  places = { for zone in local.zones : zone => index(["a", "b", "c", "d", "e", "f", "g", "h"], substr(zone, -1, 1)) }
}

resource "aws_vpc" "this" {
  cidr_block                       = var.cidr
  assign_generated_ipv6_cidr_block = local.ipv6
  enable_dns_support               = true
  enable_dns_hostnames             = true # interface endpoints need it

  depends_on = [var.network_rights]

  tags = { Name = var.name }
}

# Without rules, so that nothing uses the default security group by accident.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-default-closed" }
}

resource "aws_subnet" "private" {
  for_each = local.places

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 4, each.value)
  ipv6_cidr_block   = local.ipv6 ? cidrsubnet(aws_vpc.this.ipv6_cidr_block, 8, each.value) : null

  tags = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route_table" "private" {
  for_each = aws_subnet.private

  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[each.key].id

  # Functions leave a zone before its subnet and its way out are deleted; so do those of the routes below.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group" "functions" {
  name        = "${var.name}-functions"
  description = "The functions: they call, nobody calls them."
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-functions" }

  lifecycle {
    create_before_destroy = true
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
  for_each = toset(local.ipv6 ? [for port in var.egress_ports : tostring(port)] : [])

  security_group_id = aws_security_group.functions.id
  description       = "To AWS, the identity provider, an external cache."
  ip_protocol       = "tcp"
  from_port         = each.key
  to_port           = each.key
  cidr_ipv6         = "::/0"
}
