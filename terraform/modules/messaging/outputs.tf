output "queues" {
  description = "Queues by short name, including the inbox and its dead-letter queue."
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
  value       = [for name, _ in local.dead : aws_sqs_queue.this[name].name]
}

output "topic_arn" {
  description = "ARN of this region's broadcast topic."
  value       = aws_sns_topic.broadcast.arn
}

output "broadcast" {
  description = "This region's entry in the variable `peers` of the other regions."
  value = {
    topic_arn = aws_sns_topic.broadcast.arn
    inbox_arn = aws_sqs_queue.this["inbox"].arn
  }
}
