output "dashboard_name" {
  description = "The name of this region's CloudWatch dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "alarm_topic_arn" {
  description = "ARN of the SNS topic for alarms."
  value       = local.topic_arn
}

output "alarm_names" {
  description = "The names of all alarms."
  value       = sort([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name])
}
