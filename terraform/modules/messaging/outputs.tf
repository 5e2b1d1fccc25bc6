output "queues" {
  description = "Queues by short name, the inbox and its dead letters included."
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
  description = "This region's broadcast topic."
  value       = aws_sns_topic.broadcast.arn
}

output "broadcast" {
  description = "What the other regions' `peers` takes for this one."
  value = {
    topic_arn = aws_sns_topic.broadcast.arn
    inbox_arn = aws_sqs_queue.this["inbox"].arn
  }
}
