# The package's folder comes as TF_VAR_package_dir: `pytest tests/terraform` packages for it.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name   = "chat"
  tables = { for name, _ in jsondecode(file("../../resources.json")).tables : name => { arn = "arn:aws:dynamodb:us-east-1:123456789012:table/chat-${name}" } }
  queues = { for name, queue in jsondecode(file("../../resources.json")).queues : name => { arn = "arn:aws:sqs:us-east-1:123456789012:chat-${name}", visibility_timeout_s = queue.visibility_timeout_s } }
  secret = { name = "chat-secrets", arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:chat-secrets-AbCdEf" }
  redis  = { url = "redis://cache.example.com:6379", cluster = false }
}

run "functions_of_the_manifest" {
  assert {
    condition     = toset(keys(aws_lambda_function.this)) == toset(["websocket_connect", "websocket_message", "websocket_disconnect", "api_handler", "deliver", "outbound", "sweep", "report"])
    error_message = "The functions are those of app.py."
  }

  assert {
    condition     = toset(keys(aws_lambda_function.this)) == toset(keys(jsondecode(file("permissions.json"))))
    error_message = "Every function has its permissions, and none is left over."
  }

  assert {
    condition     = alltrue([for name, function in aws_lambda_function.this : function.function_name == "chat-${name}" && function.source_code_hash == jsondecode(file("${var.package_dir}/package.json")).sha256_base64])
    error_message = "Names with the prefix, code of the package."
  }

  assert {
    condition = alltrue([
      for name, function in aws_lambda_function.this :
      [function.handler, function.memory_size, function.timeout, function.runtime, function.architectures[0]] == [
        jsondecode(file("${var.package_dir}/chalice.tf.json")).resource.aws_lambda_function[name].handler,
        jsondecode(file("${var.package_dir}/chalice.tf.json")).resource.aws_lambda_function[name].memory_size,
        jsondecode(file("${var.package_dir}/chalice.tf.json")).resource.aws_lambda_function[name].timeout,
        jsondecode(file("${var.package_dir}/package.json")).runtime,
        jsondecode(file("${var.package_dir}/package.json")).architecture,
      ]
    ])
    error_message = "Handler, memory and time-out are the manifest's, runtime and architecture the package's."
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : jsonencode(function.environment[0].variables) == jsonencode(output.environment)])
    error_message = "Every function has the environment, and nothing beside it."
  }

  assert {
    condition     = alltrue([for name, group in aws_cloudwatch_log_group.function : group.name == "/aws/lambda/chat-${name}"])
    error_message = "A log group for every function, by the name that Lambda writes to."
  }

  assert {
    condition     = alltrue([for group in concat(values(aws_cloudwatch_log_group.function), values(aws_cloudwatch_log_group.websocket), [aws_cloudwatch_log_group.http]) : group.retention_in_days == 30])
    error_message = "Every log group has a retention."
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : length(function.vpc_config) == 0 && function.reserved_concurrent_executions == -1])
    error_message = "No VPC and no reservation unless asked."
  }
}

run "environment" {
  assert {
    condition = jsonencode(output.environment) == jsonencode({
      TIDINGS_PREFIX            = "chat"
      TIDINGS_SECRET_ID         = "chat-secrets"
      TIDINGS_SHARDS            = "1"
      TIDINGS_METRICS_NAMESPACE = "WeChat/WebSocket"
      TIDINGS_REDIS_URL         = "redis://cache.example.com:6379"
      TIDINGS_ENDPOINTS = jsonencode({ us-east-1 = {
        health    = "wss://abcdef1234.execute-api.us-east-1.amazonaws.com/v1/health"
        websocket = "wss://abcdef1234.execute-api.us-east-1.amazonaws.com/prod"
      } })
    })
    error_message = "The environment holds what is set, and nothing else."
  }
}

# The mock's ARNs are all the same: here some differ.
override_resource {
  target = aws_lambda_function.this["deliver"]
  values = { arn = "arn:aws:lambda:us-east-1:123456789012:function:chat-deliver" }
}

override_resource {
  target = aws_lambda_function.this["sweep"]
  values = { arn = "arn:aws:lambda:us-east-1:123456789012:function:chat-sweep" }
}

override_resource {
  target = aws_lambda_function.this["websocket_connect"]
  values = { invoke_arn = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:chat-websocket_connect/invocations" }
}

override_resource {
  target = aws_lambda_function.this["api_handler"]
  values = { invoke_arn = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:chat-api_handler/invocations" }
}

run "what_calls_which_function" {
  assert {
    condition     = [for name, mapping in aws_lambda_event_source_mapping.this : name if endswith(mapping.function_name, ":chat-deliver")] == ["deliver"] && [for name, target in aws_cloudwatch_event_target.this : name if endswith(target.arn, ":chat-sweep")] == ["sweep"]
    error_message = "A queue and a schedule call the function of their name."
  }

  assert {
    condition     = [for name, integration in aws_apigatewayv2_integration.websocket : name if strcontains(integration.integration_uri, ":chat-websocket_connect/")] == ["prod/$connect"] && strcontains(aws_apigatewayv2_integration.http.integration_uri, ":chat-api_handler/")
    error_message = "A route calls its function."
  }
}

run "queues_and_schedules_of_the_manifest" {
  assert {
    condition     = { for name, mapping in aws_lambda_event_source_mapping.this : name => mapping.event_source_arn } == { deliver = "arn:aws:sqs:us-east-1:123456789012:chat-delivery", outbound = "arn:aws:sqs:us-east-1:123456789012:chat-outbound" }
    error_message = "Each queue calls its function."
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.this : toset(mapping.function_response_types) == toset(["ReportBatchItemFailures"]) && mapping.batch_size == 10 && mapping.scaling_config[0].maximum_concurrency == 100])
    error_message = "Partial batch responses, the batch size of app.py, a limit of concurrency."
  }

  assert {
    condition     = { for name, permission in aws_lambda_permission.schedule : name => [permission.function_name, permission.principal, permission.source_arn] } == { for name in ["sweep", "report"] : name => ["chat-${name}", "events.amazonaws.com", "arn:aws:events:us-east-1:123456789012:rule/mock"] }
    error_message = "A schedule's rule may call its function, and no other rule may."
  }

  assert {
    condition     = { for name, target in aws_cloudwatch_event_target.this : name => [target.rule, target.arn] } == { for name in ["sweep", "report"] : name => ["chat-${name}", aws_lambda_function.this[name].arn] }
    error_message = "A schedule calls its function."
  }

  assert {
    condition     = { for name, rule in aws_cloudwatch_event_rule.this : name => rule.schedule_expression } == { sweep = "rate(1 minute)", report = "rate(1 minute)" }
    error_message = "The schedules of app.py."
  }
}

run "roles" {
  assert {
    condition = alltrue([
      for name, policy in aws_iam_role_policy.function :
      toset(flatten([
        for statement in jsondecode(policy.policy).Statement : [
          for pair in setproduct(statement.Action, statement.Resource) : "${statement.Effect} ${pair[0]} ${pair[1]}"
        ] if contains(["dynamodb", "sqs"], split(":", statement.Action[0])[0])
        ])) == toset(flatten([
        [for table, actions in jsondecode(file("permissions.json"))[name].tables : [
          for action in actions : "Allow dynamodb:${action} ${var.tables[table].arn}"
        ]],
        [for index in jsondecode(file("permissions.json"))[name].indexes :
          "Allow dynamodb:Query ${var.tables[split("/", index)[0]].arn}/index/${split("/", index)[1]}"
        ],
        [for queue, actions in jsondecode(file("permissions.json"))[name].queues : [
          for action in actions : "Allow sqs:${action} ${var.queues[queue].arn}"
        ]],
        [for action in ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"] :
          "Allow sqs:${action} ${var.queues[{ deliver = "delivery", outbound = "outbound" }[name]].arn}" if contains(["deliver", "outbound"], name)
        ],
      ]))
    ])
    error_message = "Of tables, indexes and queues a role allows what permissions.json and a trigger need: no less, no more."
  }

  assert {
    condition = alltrue([
      for name, policy in aws_iam_role_policy.function :
      toset([
        for statement in jsondecode(policy.policy).Statement : statement.Sid if !contains(["dynamodb", "sqs"], split(":", statement.Action[0])[0])
        ]) == toset(compact([
          "Logs",
          jsondecode(file("permissions.json"))[name].connections ? "Connections" : "",
          jsondecode(file("permissions.json"))[name].metrics ? "Metrics" : "",
          jsondecode(file("permissions.json"))[name].secret ? "Secret" : "",
      ]))
    ])
    error_message = "Of all else too."
  }

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.function : [
        for statement in jsondecode(policy.policy).Statement : {
          Logs        = [["logs:CreateLogStream", "logs:PutLogEvents"], ["arn:aws:logs:us-east-1:123456789012:log-group:mock:*"]]
          Secret      = [["secretsmanager:GetSecretValue"], [var.secret.arn]]
          Connections = [["execute-api:ManageConnections"], ["arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*/@connections/*"]]
          Metrics     = [["cloudwatch:PutMetricData"], ["*"]]
        }[statement.Sid] == [statement.Action, statement.Resource] if contains(["Logs", "Secret", "Connections", "Metrics"], statement.Sid)
      ]
    ]))
    error_message = "Actions and resources of the others."
  }

  assert {
    condition = alltrue([
      for role in aws_iam_role.function :
      [for statement in jsondecode(role.assume_role_policy).Statement : [statement.Effect, statement.Principal, statement.Action]] == [["Allow", { Service = "lambda.amazonaws.com" }, "sts:AssumeRole"]]
    ])
    error_message = "Nobody but Lambda takes a role."
  }

  assert {
    condition     = toset([for statement in jsondecode(aws_iam_role_policy.function["report"].policy).Statement : statement.Sid]) == toset(["Logs", "Metrics", "Secret"])
    error_message = "report writes logs and metrics, and reads the secret: nothing else."
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.function["report"].policy).Statement : statement.Condition.StringEquals["cloudwatch:namespace"] if statement.Sid == "Metrics"]) == "WeChat/WebSocket"
    error_message = "Metrics in its own namespace only."
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.function["websocket_connect"].policy).Statement : join(" ", concat(statement.Action, statement.Resource)) if statement.Sid == "TableRevocations"]) == "dynamodb:GetItem arn:aws:dynamodb:us-east-1:123456789012:table/chat-revocations"
    error_message = "A table's statement names its actions and the table."
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.function["deliver"].policy).Statement : join(" ", statement.Resource) if statement.Sid == "Trigger"]) == "arn:aws:sqs:us-east-1:123456789012:chat-delivery"
    error_message = "deliver receives from its own queue."
  }

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.function : [
        for statement in jsondecode(policy.policy).Statement : [
          for action in statement.Action : !endswith(action, "*")
        ]
      ]
    ]))
    error_message = "No wildcard in an action."
  }

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.function : [
        for statement in jsondecode(policy.policy).Statement : !contains(statement.Resource, "*") || statement.Sid == "Metrics"
      ]
    ]))
    error_message = "Every statement names its resources; PutMetricData has none."
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.function["deliver"].policy).Statement : statement.Resource if statement.Sid == "Connections"]) == ["arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*/@connections/*"]
    error_message = "Posts go to this deployment's APIs."
  }

  assert {
    condition     = alltrue([for policy in aws_iam_role_policy.function : length(policy.policy) < 10240])
    error_message = "IAM takes 10,240 characters of inline policies."
  }
}

run "websocket_api" {
  assert {
    condition     = toset(keys(aws_apigatewayv2_route.websocket)) == toset(["prod/$connect", "prod/$default", "prod/$disconnect"]) && toset(keys(aws_apigatewayv2_route_response.websocket)) == toset(["prod/$default"])
    error_message = "Three routes; answers ride the return body of $default."
  }

  assert {
    condition     = !strcontains(aws_apigatewayv2_stage.websocket["prod"].access_log_settings[0].format, "path") && !strcontains(aws_apigatewayv2_stage.websocket["prod"].access_log_settings[0].format, "query") && strcontains(aws_apigatewayv2_stage.websocket["prod"].access_log_settings[0].format, "$context.requestId")
    error_message = "Access logs hold no tokens, which come in the query."
  }

  assert {
    condition     = !strcontains(aws_apigatewayv2_stage.websocket["prod"].access_log_settings[0].format, "messageString")
    error_message = "messageString brings quotes of its own: the line would be no JSON."
  }

  assert {
    condition     = aws_cloudwatch_log_group.websocket["prod"].name == "/aws/vendedlogs/apigateway/chat/prod"
    error_message = "Names that need no line in the account's resource policy."
  }

  assert {
    condition     = aws_apigatewayv2_stage.websocket["prod"].default_route_settings[0].detailed_metrics_enabled == false
    error_message = "Metrics by route cost, and nothing reads them."
  }

  assert {
    condition     = toset(keys(aws_apigatewayv2_deployment.websocket["prod"].triggers)) == toset(["$connect", "$default", "$disconnect"]) && jsondecode(aws_apigatewayv2_deployment.websocket["prod"].triggers["$default"]).answers == "$default" && jsondecode(aws_apigatewayv2_deployment.websocket["prod"].triggers["$default"]).content == "CONVERT_TO_TEXT"
    error_message = "What a route does is deployed when it changes, not only which function it calls."
  }

  assert {
    condition     = aws_apigatewayv2_stage.websocket["prod"].default_route_settings[0].data_trace_enabled == false && aws_apigatewayv2_stage.websocket["prod"].default_route_settings[0].throttling_rate_limit == 8000
    error_message = "No payload in logs, and a limit."
  }

  assert {
    condition     = aws_lambda_permission.websocket["prod/$connect"].source_arn == "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/$connect" && aws_lambda_permission.websocket["prod/$connect"].function_name == "chat-websocket_connect"
    error_message = "Each route may call its function, and no other."
  }
}

run "http_api" {
  assert {
    condition     = aws_lambda_permission.http.function_name == "chat-api_handler" && aws_lambda_permission.http.principal == "apigateway.amazonaws.com" && aws_lambda_permission.http.source_arn == "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/*/*"
    error_message = "This API may call its function."
  }

  assert {
    condition     = aws_apigatewayv2_stage.http.default_route_settings[0].throttling_rate_limit == 2000 && alltrue([for route in aws_apigatewayv2_route.http : route.target == "integrations/${aws_apigatewayv2_integration.http.id}"])
    error_message = "A limit, and a function behind each route."
  }

  assert {
    condition     = aws_apigatewayv2_integration.http.payload_format_version == "1.0"
    error_message = "Chalice understands no other payload."
  }

  assert {
    condition     = alltrue([for route in ["GET /v1/health", "POST /v1/rooms/{room_id}/messages", "GET /socket.io", "POST /socket.io"] : contains(keys(aws_apigatewayv2_route.http), route)]) && !anytrue([for route in keys(aws_apigatewayv2_route.http) : endswith(route, "/")])
    error_message = "Chalice's routes; API Gateway refuses one that ends in a slash."
  }

  assert {
    condition     = !strcontains(aws_apigatewayv2_stage.http.access_log_settings[0].format, "messageString") && aws_cloudwatch_log_group.http.name == "/aws/vendedlogs/apigateway/chat/http"
    error_message = "JSON lines, in a group that needs no line in the account's resource policy."
  }

  assert {
    condition     = aws_apigatewayv2_stage.http.default_route_settings[0].detailed_metrics_enabled == false
    error_message = "Metrics by route cost, and nothing reads them."
  }
}

run "shards" {
  variables {
    shards = 3
  }

  assert {
    condition     = [for api in output.websocket_apis : api.stage] == ["ws-0", "ws-1", "ws-2"] && length(aws_apigatewayv2_api.websocket) == 3
    error_message = "An API for each shard, in their order."
  }

  assert {
    condition     = output.environment.TIDINGS_SHARDS == "3" && output.environment.TIDINGS_ENDPOINTS == "{}"
    error_message = "Without a custom domain, shards have no common address to name."
  }

  assert {
    condition     = length(one([for statement in jsondecode(aws_iam_role_policy.function["deliver"].policy).Statement : statement.Resource if statement.Sid == "Connections"])) == 3
    error_message = "Posts go to all shards."
  }
}

run "domains" {
  variables {
    shards = 2
    domains = {
      websocket = { name = "ws.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
      http      = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
    }
  }

  assert {
    condition     = { for stage, mapping in aws_apigatewayv2_api_mapping.websocket : stage => mapping.api_mapping_key } == { ws-0 = "ws-0", ws-1 = "ws-1" } && length(aws_apigatewayv2_api_mapping.http) == 1
    error_message = "Shards are paths of one domain."
  }

  assert {
    condition     = jsondecode(output.environment.TIDINGS_ENDPOINTS).us-east-1.websocket == "wss://ws.example.com/{shard}"
    error_message = "Clients are sent to their shard."
  }

  assert {
    condition     = output.domain_targets.http.zone_id == "Z1UJRXOUMOOFQ8"
    error_message = "What DNS needs."
  }
}

run "a_certificate_of_another_region_is_refused" {
  command = plan

  variables {
    domains = {
      websocket = { name = "ws.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
      http      = { name = "api.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1" }
    }
  }

  expect_failures = [aws_apigatewayv2_domain_name.this["http"]]
}

run "one_name_for_both_is_refused" {
  command = plan

  variables {
    domains = {
      websocket = { name = "ws.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
      http      = { name = "ws.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
    }
  }

  expect_failures = [var.domains]
}

run "the_most_shards" {
  variables {
    shards = 10
  }

  assert {
    condition     = alltrue([for policy in aws_iam_role_policy.function : length(policy.policy) < 10240])
    error_message = "IAM takes 10,240 characters of inline policies."
  }
}

run "more_shards_than_an_alarm_can_sum" {
  command = plan

  variables {
    shards = 11
  }

  expect_failures = [var.shards]
}

run "a_key_is_used_through_the_services_that_have_it" {
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  }

  # The key is of tables, queues and the secret; of the broadcast topic, which nobody publishes to yet;
  # and of the cache's disks, which are ElastiCache's own affair.
  assert {
    condition = { for name in ["report", "deliver"] : name => toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.function[name].policy).Statement : statement.Condition.StringEquals["kms:ViaService"] if statement.Sid == "Key"
      ])) } == {
      report  = toset(["secretsmanager.us-east-1.amazonaws.com"])
      deliver = toset(["dynamodb.us-east-1.amazonaws.com", "sqs.us-east-1.amazonaws.com", "secretsmanager.us-east-1.amazonaws.com"])
    }
    error_message = "A function may decrypt what it may read, the secret included."
  }
}

run "origins_that_the_functions_would_refuse" {
  command = plan

  variables {
    cors_origins = ["https://Chat.example.com"]
  }

  expect_failures = [var.cors_origins]
}

run "in_a_vpc_with_iam_key_and_traces" {
  variables {
    vpc         = { subnet_ids = ["subnet-1"], security_group_id = "sg-1", ipv6 = true }
    tracing     = true
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
    redis = {
      url     = "rediss://cache:6379"
      cluster = true
      iam     = { user = "chat-app", cache = "chat", serverless = true, arns = ["arn:aws:elasticache:us-east-1:123456789012:serverlesscache:chat", "arn:aws:elasticache:us-east-1:123456789012:user:chat-app"] }
    }
  }

  assert {
    condition     = toset([for statement in jsondecode(aws_iam_role_policy.function["report"].policy).Statement : statement.Sid]) == toset(["Logs", "Metrics", "Secret", "Redis", "Key", "Network", "NetworkNotByTheCode", "Tracing"])
    error_message = "Each of them takes its permission."
  }

  assert {
    condition = jsonencode({ for statement in jsondecode(aws_iam_role_policy.function["report"].policy).Statement : statement.Sid => [statement.Action, statement.Resource] if contains(["Redis", "Key"], statement.Sid) }) == jsonencode({
      Redis = [["elasticache:Connect"], var.redis.iam.arns]
      Key   = [["kms:Decrypt", "kms:GenerateDataKey"], [var.kms_key_arn]]
    })
    error_message = "This cache, as this user, and this key."
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.tracing_config[0].mode == "Active" && function.vpc_config[0].subnet_ids == toset(["subnet-1"]) && function.vpc_config[0].security_group_ids == toset(["sg-1"])])
    error_message = "All functions are traced, and in the VPC."
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.function["report"].policy).Statement : statement.Effect if statement.Sid == "NetworkNotByTheCode"]) == "Deny"
    error_message = "The code itself may not make network interfaces."
  }

  assert {
    condition     = aws_lambda_function.this["deliver"].vpc_config[0].ipv6_allowed_for_dual_stack && aws_apigatewayv2_api.websocket["prod"].ip_address_type == "dualstack"
    error_message = "Without NAT, functions and @connections speak IPv6."
  }

  assert {
    condition     = output.environment.TIDINGS_REDIS_CLUSTER == "1" && output.environment.TIDINGS_REDIS_IAM_USER == "chat-app" && output.environment.TIDINGS_REDIS_IAM_CACHE == "chat" && output.environment.TIDINGS_REDIS_IAM_SERVERLESS == "1"
    error_message = "How to reach the cache."
  }
}

run "pages_of_other_origins" {
  variables {
    cors_origins = ["https://chat.example.com", "https://www.example.com"]
  }

  assert {
    condition     = output.environment.TIDINGS_ALLOWED_ORIGINS == "https://chat.example.com,https://www.example.com"
    error_message = "The function itself answers preflights."
  }
}

run "no_secret_and_no_typing_error_in_settings" {
  command = plan

  variables {
    settings = { TIDINGS_JWT_SECRET = "secret" }
  }

  expect_failures = [var.settings]
}

run "a_visibility_time_out_that_lambda_refuses" {
  command = plan

  variables {
    queues = { for name, queue in jsondecode(file("../../resources.json")).queues : name => { arn = "arn:aws:sqs:us-east-1:123456789012:chat-${name}", visibility_timeout_s = 1 } }
  }

  expect_failures = [aws_lambda_event_source_mapping.this]
}
