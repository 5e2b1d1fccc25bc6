output "vpc_id" {
  description = "The id of the VPC."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Ids of the private subnets, one per zone."
  value       = [for subnet in aws_subnet.private : subnet.id]
}

output "functions_security_group_id" {
  description = "The id of the functions' security group."
  value       = aws_security_group.functions.id
}

output "ipv6" {
  description = "Whether the functions use IPv6 for egress."
  value       = local.ipv6
}
