# `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

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
    error_message = "For tables, indexes and queues, a role must allow exactly what permissions.json and its trigger need."
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
    error_message = "For everything else, a role must allow exactly what permissions.json lists."
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
    error_message = "Only Lambda may assume a role."
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
    condition     = one([for statement in jsondecode(aws_iam_role_policy.function["websocket_connect"].policy).Statement : join(" ", concat(statement.Action, statement.Resource)) if statement.Sid == "TableRevocations"]) == "dynamodb:BatchGetItem dynamodb:GetItem arn:aws:dynamodb:us-east-1:123456789012:table/chat-revocations"
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

run "a_key_is_used_through_the_services_that_have_it" {
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  }

  # The key encrypts tables, queues and the secret; also the broadcast topic of several regions, and
  # the cache's disks, for which the functions need no permission.
  assert {
    condition = { for name in ["report", "deliver"] : name => toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.keys[name].policy).Statement : statement.Condition.StringEquals["kms:ViaService"] if statement.Sid == "Key"
      ])) } == {
      report  = toset(["secretsmanager.us-east-1.amazonaws.com"])
      deliver = toset(["dynamodb.us-east-1.amazonaws.com", "sqs.us-east-1.amazonaws.com", "secretsmanager.us-east-1.amazonaws.com"])
    }
    error_message = "A function may decrypt what it may read, the secret included."
  }
}

run "all_roles_have_the_boundary_and_the_path" {
  state_key = "all_roles_have_the_boundary_and_the_path"

  variables {
    iam = { path = "/chat/", permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary" }
  }

  assert {
    condition     = alltrue([for role in concat(values(aws_iam_role.function), aws_iam_role.gateway_logs) : role.path == "/chat/" && role.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"])
    error_message = "A company's rules hold for every role."
  }
}

run "a_former_key_can_still_be_used" {
  variables {
    former_kms_key_arns = ["arn:aws:kms:us-east-1:123456789012:key/0"]
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.keys["deliver"].policy).Statement[0].Resource == ["arn:aws:kms:us-east-1:123456789012:key/0"] && output.kms_key_arn == null
    error_message = "What is in a queue is encrypted with the key of its time."
  }
}

run "in_a_vpc_with_iam_key_and_traces" {
  variables {
    vpc         = { subnet_ids = ["subnet-1"], security_group_id = "sg-1", ipv6 = true }
    in_vpc      = true
    dualstack   = true
    tracing     = true
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
    redis = {
      url     = "rediss://cache:6379"
      cluster = true
      iam     = { user = "chat-app", cache = "chat", serverless = true, arns = ["arn:aws:elasticache:us-east-1:123456789012:serverlesscache:chat", "arn:aws:elasticache:us-east-1:123456789012:user:chat-app"] }
    }
  }

  assert {
    condition     = toset([for statement in jsondecode(aws_iam_role_policy.function["report"].policy).Statement : statement.Sid]) == toset(["Logs", "Metrics", "Secret", "Redis", "Tracing"])
    error_message = "Each of them takes its permission."
  }

  assert {
    condition = jsonencode({ for statement in concat(jsondecode(aws_iam_role_policy.function["report"].policy).Statement, jsondecode(aws_iam_role_policy.keys["report"].policy).Statement) : statement.Sid => [statement.Action, statement.Resource] if contains(["Redis", "Key"], statement.Sid) }) == jsonencode({
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
    condition     = one([for statement in jsondecode(aws_iam_role_policy.network["report"].policy).Statement : statement.Effect if statement.Sid == "NetworkNotByTheCode"]) == "Deny"
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
