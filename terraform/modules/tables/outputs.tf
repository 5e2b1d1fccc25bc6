output "names" {
  description = "Table names by short name, including the global tables in every region."
  value       = { for name, _ in local.definition : name => try(aws_dynamodb_table.this[name].name, "${var.name}-${name}") }
}

output "global" {
  description = "Short names of the global tables."
  value       = [for name, table in local.definition : name if table.scope == "global"]
}

output "replica_regions" {
  description = "Other regions that have a replica of every global table."
  value       = sort(setintersection(toset(var.replica_regions), [for table in aws_dynamodb_table.this : table.replica[*].region_name if length(table.replica) > 0]...))
}

output "indexes" {
  description = "Names of each table's global secondary indexes, by the table's short name."
  value       = { for name, table in local.definition : name => [for index in try(table.indexes, []) : index.name] }
}

output "streams" {
  description = "The primary's streams of `messages`, whose entries are checked, and of the tables that are carried between regions, by short name; {} in other regions: theirs are in the primary's `replica_streams`."
  value       = { for name in local.carried : name => aws_dynamodb_table.this[name].stream_arn if var.primary }
}

output "replica_streams" {
  description = "The same for each replica region, by region."
  value = { for region in var.replica_regions : region => {
    for name in local.carried : name => one([for replica in aws_dynamodb_table.this[name].replica : replica.stream_arn if replica.region_name == region])
  } }
}

output "arns" {
  description = "ARNs of this region's tables or replicas, by short name."
  value       = { for name, _ in local.definition : name => try(aws_dynamodb_table.this[name].arn, "${local.arn_prefix}/${var.name}-${name}") }
}
