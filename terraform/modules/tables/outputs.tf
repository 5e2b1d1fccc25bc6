output "names" {
  description = "Table names by short name, the global ones in every region."
  value       = { for name, _ in local.definition : name => try(aws_dynamodb_table.this[name].name, "${var.name}-${name}") }
}

output "global" {
  description = "Short names of the global tables."
  value       = [for name, table in local.definition : name if table.scope == "global"]
}

output "arns" {
  description = "ARNs of this region's tables or replicas, by short name."
  value       = { for name, _ in local.definition : name => try(aws_dynamodb_table.this[name].arn, "${local.arn_prefix}/${var.name}-${name}") }
}
