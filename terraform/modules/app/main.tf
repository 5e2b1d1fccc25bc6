# The functions, their logs, and their triggers: queues and schedules.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id
  account_id = data.aws_caller_identity.current.account_id

  function_names = { for name, _ in local.functions : name => "${var.name}-${name}" }

  # A function's invoke_arn, known without the function. See aws_apigatewayv2_deployment.websocket.
  invoke_arns = { for name, function in local.function_names : name =>
    "arn:${local.partition}:apigateway:${local.region}:lambda:path/2015-03-31/functions/arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${function}/invocations"
  }
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.functions

  name              = "/aws/lambda/${local.function_names[each.key]}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
}

# What API Gateway calls has a ceiling: whoever floods it, a fifth of the account's executions is left
# for queues, streams and schedules. At least 100 of the account must stay unreserved, so nothing is
# reserved of a small quota.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
locals {
  shares   = { api_handler = 0.4, websocket_message = 0.25, websocket_connect = 0.1, websocket_disconnect = 0.05 }
  sharable = var.account_concurrency != null && try(var.account_concurrency >= 500, false)
  reserved = merge(
    local.sharable ? { for name, share in local.shares : name => floor(share * var.account_concurrency) } : {},
    var.reserved_concurrency,
  )
  reserved_sum = sum(concat([0], [for n in values(local.reserved) : max(n, 0)]))
}

resource "aws_lambda_function" "this" {
  for_each = local.functions

  function_name    = local.function_names[each.key]
  role             = aws_iam_role.function[each.key].arn
  filename         = "${var.package_dir}/deployment.zip"
  source_code_hash = local.package.sha256_base64
  runtime          = local.package.runtime
  architectures    = [local.package.architecture]
  handler          = each.value.handler
  memory_size      = each.value.memory_mb
  timeout          = each.value.timeout_s

  reserved_concurrent_executions = lookup(local.reserved, each.key, -1)

  environment {
    variables = merge(each.value.environment, local.environment)
  }

  # At WARN, Lambda writes no START, END and REPORT lines, but says when an invocation timed out or
  # its process died. The functions' own lines are JSON already, and are passed on as they are.
  # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
  logging_config {
    log_format            = "JSON"
    log_group             = aws_cloudwatch_log_group.function[each.key].name
    application_log_level = "INFO" # that of lines without a timestamp; TIDINGS_LOG_LEVEL chooses
    system_log_level      = var.system_log_level
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]
    content {
      subnet_ids                  = vpc_config.value.subnet_ids
      security_group_ids          = [vpc_config.value.security_group_id]
      ipv6_allowed_for_dual_stack = vpc_config.value.ipv6
    }
  }

  lifecycle {
    precondition {
      condition     = var.in_vpc == (var.vpc != null)
      error_message = "in_vpc says whether there is a vpc."
    }
    precondition {
      condition     = var.account_concurrency == null || local.reserved_sum == 0 || try(local.reserved_sum <= var.account_concurrency - 100, true)
      error_message = "The functions would reserve ${local.reserved_sum} of ${coalesce(var.account_concurrency, 0)} executions, and AWS keeps 100 unreserved: lower reserved_concurrency, or account_concurrency, which is what this deployment may count on."
    }
    precondition {
      condition     = contains(keys(local.permissions), each.key)
      error_message = "permissions.json has no entry for ${each.key}; run python -m workbench.permissions.derive."
    }
  }

  # Otherwise Lambda creates the log group itself, without retention, and the first calls are denied.
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.function, aws_iam_role_policy.keys, aws_iam_role_policy.network]
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = local.triggers

  function_name                      = aws_lambda_function.this[each.key].arn
  event_source_arn                   = var.queues[each.value.queue].arn
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = each.value.batching_window
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = lookup(var.queue_concurrency, each.value.queue, 100)
  }

  lifecycle {
    precondition {
      condition     = local.functions[each.key].timeout_s <= var.queues[each.value.queue].visibility_timeout_s
      error_message = "The queue's visibility timeout must not be shorter than the timeout of ${each.key}; Lambda refuses it."
    }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.schedules

  name                = "${var.name}-${each.key}"
  description         = "Calls ${local.function_names[each.key]}."
  schedule_expression = each.value
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.schedules

  rule = aws_cloudwatch_event_rule.this[each.key].name
  arn  = aws_lambda_function.this[each.key].arn
}

# The next run follows within a minute, so a failed run is not repeated.
resource "aws_lambda_function_event_invoke_config" "this" {
  for_each = local.schedules

  function_name                = aws_lambda_function.this[each.key].function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}

resource "aws_lambda_permission" "schedule" {
  for_each = local.schedules

  function_name = aws_lambda_function.this[each.key].function_name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this[each.key].arn
}
