output "vpc_id" {
  description = "The id of the VPC."
  value       = var.vpc_id
}

output "subnet_ids" {
  description = "Ids of the subnets."
  value       = var.subnet_ids
  depends_on = [
    data.aws_subnet.given,
    aws_vpc_security_group_egress_rule.functions_ipv4,
    aws_vpc_security_group_egress_rule.functions_ipv6,
  ]
}

output "placement" {
  description = "What cannot be changed for the caches in these subnets: the subnets themselves."
  value       = var.subnet_ids
}

output "functions_security_group_id" {
  description = "The id of the functions' security group."
  value       = aws_security_group.functions.id
}

output "ipv6" {
  description = "Whether the functions use IPv6 for egress."
  value       = var.ipv6
}
