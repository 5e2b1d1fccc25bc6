output "templates" {
  description = "Ids of the experiment templates by drill: `replication-pause`, and `region-isolation` if the functions have subnets."
  value       = { for drill, template in aws_fis_experiment_template.this : drill => template.id }
}
