output "queues" {
  description = "Queues by short name, including dead-letter queues."
  value = {
    for name, queue in aws_sqs_queue.this : name => {
      name                 = queue.name
      arn                  = queue.arn
      url                  = queue.id
      visibility_timeout_s = local.queues[name].visibility_timeout_s
    }
  }
}

output "dead_letter_queues" {
  description = "Names of the dead-letter queues."
  value       = [for name in concat(keys(local.dead), keys(local.carrying)) : aws_sqs_queue.this[name].name]
}

output "topic" {
  description = "Name and ARN of this region's broadcast topic; null with one region."
  value       = one([for topic in aws_sns_topic.broadcast : { name = topic.name, arn = topic.arn }])
}

output "broadcast" {
  description = "This region's entry in the variable `peers` of the other regions."
  value = {
    topic_arn = one(aws_sns_topic.broadcast[*].arn)
    inbox_arn = try(aws_sqs_queue.this["inbox"].arn, null)
  }
}
