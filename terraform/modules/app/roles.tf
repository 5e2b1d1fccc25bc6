# One role per function, with the permissions in permissions.json and nothing else.
# tests/terraform/test_permissions.py derives the same from the code and compares them.

locals {
  permissions = jsondecode(file("${path.module}/permissions.json"))

  # What a queue's trigger does with the function's role.
  # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  trigger_actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]

  # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
  stream_actions = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]

  # Tables of the first region, which keeps the claims of room ids, for the functions of the others.
  home_table_names = { for name, _ in local.functions : name => [
    for table in keys(local.permissions[name].home_tables) : table if local.several && try(var.regions[0], local.region) != local.region
  ] }

  # The regions to whose queues spares of messages are sent.
  peers = local.several ? [for region in var.regions : region if region != local.region] : []

  statements = { for name, _ in local.functions : name => concat(
    [{
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.function[name].arn}:*"]
    }],
    [for table, actions in local.permissions[name].tables : {
      Sid      = "Table${replace(title(replace(table, "_", " ")), " ", "")}"
      Effect   = "Allow"
      Action   = [for action in actions : "dynamodb:${action}"]
      Resource = [var.tables[table].arn]
    }],
    [for table in local.home_table_names[name] : {
      Sid      = "HomeTable${replace(title(replace(table, "_", " ")), " ", "")}"
      Effect   = "Allow"
      Action   = [for action in local.permissions[name].home_tables[table] : "dynamodb:${action}"]
      Resource = ["arn:${local.partition}:dynamodb:${var.regions[0]}:${local.account_id}:table/${var.name}-${table}"]
    }],
    length(local.permissions[name].indexes) == 0 ? [] : [{
      Sid      = "Indexes"
      Effect   = "Allow"
      Action   = ["dynamodb:Query"]
      Resource = [for index in local.permissions[name].indexes : "${var.tables[split("/", index)[0]].arn}/index/${split("/", index)[1]}"]
    }],
    [for queue, actions in local.permissions[name].queues : {
      Sid      = "Queue${replace(title(replace(queue, "-", " ")), " ", "")}"
      Effect   = "Allow"
      Action   = [for action in actions : "sqs:${action}"]
      Resource = [var.queues[queue].arn]
    }],
    length(local.peers) == 0 ? [] : [for queue, actions in local.permissions[name].peer_queues : {
      Sid      = "PeerQueue${replace(title(replace(queue, "-", " ")), " ", "")}"
      Effect   = "Allow"
      Action   = [for action in actions : "sqs:${action}"]
      Resource = [for region in local.peers : "arn:${local.partition}:sqs:${region}:${local.account_id}:${var.name}-${queue}"]
    }],
    !local.permissions[name].topic || !local.several ? [] : [{
      Sid      = "Topic"
      Effect   = "Allow"
      Action   = ["sns:Publish"]
      Resource = [var.topic_arn]
    }],
    !can(local.triggers[name]) ? [] : [{
      Sid      = "Trigger"
      Effect   = "Allow"
      Action   = local.trigger_actions
      Resource = [var.queues[local.triggers[name].queue].arn]
    }],
    !can(local.carriers[name]) || length(local.streams) == 0 ? [] : [
      {
        Sid      = "Streams"
        Effect   = "Allow"
        Action   = local.stream_actions
        Resource = values(local.streams)
      },
      {
        Sid      = "Failures"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [var.queues["replicated-dead"].arn]
      },
    ],
    !local.permissions[name].connections ? [] : [{
      Sid      = "Connections"
      Effect   = "Allow"
      Action   = ["execute-api:ManageConnections"]
      Resource = [for stage, api in aws_apigatewayv2_api.websocket : "${api.execution_arn}/${stage}/*/@connections/*"]
    }],
    !local.permissions[name].metrics ? [] : [{
      Sid       = "Metrics"
      Effect    = "Allow"
      Action    = ["cloudwatch:PutMetricData"]
      Resource  = ["*"] # PutMetricData has no resources, only a namespace
      Condition = { StringEquals = { "cloudwatch:namespace" = var.metrics_namespace } }
    }],
    !local.permissions[name].secret ? [] : [{
      Sid      = "Secret"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [var.secret.arn]
    }],
    !local.permissions[name].redis || var.redis.iam == null ? [] : [{
      Sid      = "Redis"
      Effect   = "Allow"
      Action   = ["elasticache:Connect"]
      Resource = var.redis.iam.arns
    }],
    !var.tracing ? [] : [{
      Sid      = "Tracing"
      Effect   = "Allow"
      Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      Resource = ["*"] # these actions have no resources
    }],
  ) }
}

resource "aws_iam_role" "function" {
  for_each = local.functions

  # IAM is global, so the name contains the region.
  name        = "${var.name}-${local.region}-${each.key}"
  description = "Permissions of ${local.function_names[each.key]} in ${local.region}."

  path                 = var.iam.path
  permissions_boundary = var.iam.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions

  name = "function"
  role = aws_iam_role.function[each.key].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.statements[each.key]
  })
}
