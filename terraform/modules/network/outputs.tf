output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Private subnets, one a zone."
  value       = [for subnet in aws_subnet.private : subnet.id]
}

output "functions_security_group_id" {
  description = "The functions' security group."
  value       = aws_security_group.functions.id
}

output "ipv6" {
  description = "Whether the functions leave by IPv6."
  value       = local.ipv6
}
