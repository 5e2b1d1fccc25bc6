output "vpc_id" {
  description = "The id of the VPC."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Ids of the private subnets, one per zone, once they have their way out."
  value       = [for subnet in aws_subnet.private : subnet.id]
  depends_on = [
    aws_route_table_association.private,
    aws_route.nat,
    aws_route.ipv6,
    aws_vpc_endpoint.dynamodb,
    aws_vpc_endpoint.interface,
    aws_vpc_security_group_egress_rule.functions_ipv4,
    aws_vpc_security_group_egress_rule.functions_ipv6,
  ]
}

output "placement" {
  description = "What cannot be changed for the caches in these subnets: the range and the zones."
  value       = concat([var.cidr], local.zones)
}

output "functions_security_group_id" {
  description = "The id of the functions' security group."
  value       = aws_security_group.functions.id
}

output "ipv6" {
  description = "Whether the functions use IPv6 for egress."
  value       = local.ipv6
}
