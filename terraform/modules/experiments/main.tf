# Experiments of AWS's Fault Injection Service, one template for each drill that it can make the fault of.
# https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html

locals {
  region    = data.aws_region.current.id
  partition = data.aws_partition.current.partition

  pause = {
    action    = "aws:dynamodb:global-table-pause-replication"
    on        = { key = "Tables", type = "aws:dynamodb:global-table", arns = var.global_table_arns }
    parameter = {}
  }
  isolate = { for peer in var.peer_regions : peer => {
    action    = "aws:network:route-table-disrupt-cross-region-connectivity"
    on        = { key = "Subnets", type = "aws:ec2:subnet", arns = local.subnet_arns }
    parameter = { region = peer }
  } }
  subnet_arns = [for id in var.subnet_ids : "arn:${local.partition}:ec2:${local.region}:${data.aws_caller_identity.current.account_id}:subnet/${id}"]

  replicated = length(var.peer_regions) > 0
  # By drill, then by action. A drill whose targets do not exist here has no template.
  templates = merge(
    !local.replicated ? {} : { "replication-pause" = { pause = local.pause } },
    !local.replicated || length(var.subnet_ids) == 0 ? {} : {
      "region-isolation" = merge({ pause = local.pause }, { for peer, each in local.isolate : "from-${peer}" => each })
    },
  )
}

data "aws_region" "current" {}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

resource "aws_fis_experiment_template" "this" {
  for_each = local.templates

  description = "Tidings: ${each.key} of ${var.name}, for ${var.minutes} minutes."
  role_arn    = aws_iam_role.this[0].arn

  dynamic "action" {
    for_each = each.value

    content {
      name      = action.key
      action_id = action.value.action

      target {
        key   = action.value.on.key
        value = action.value.on.key
      }

      dynamic "parameter" {
        for_each = merge({ duration = "PT${var.minutes}M" }, action.value.parameter)

        content {
          key   = parameter.key
          value = parameter.value
        }
      }
    }
  }

  dynamic "target" {
    for_each = { for on in values(each.value)[*].on : on.key => on... }

    content {
      name           = target.key
      resource_type  = target.value[0].type
      selection_mode = "ALL"
      resource_arns  = target.value[0].arns
    }
  }

  # Ends an experiment early: when users suffer more than the drill is worth.
  dynamic "stop_condition" {
    for_each = length(var.stop_alarm_arns) > 0 ? var.stop_alarm_arns : [null]

    content {
      source = stop_condition.value == null ? "none" : "aws:cloudwatch:alarm"
      value  = stop_condition.value
    }
  }

  tags = { Name = "${var.name}-${each.key}" }

  depends_on = [aws_iam_role_policy.tables, aws_iam_role_policy_attachment.network]
}

# It may end connections of this deployment's tables and subnets, so nobody but the service has it.
resource "aws_iam_role" "this" {
  count = length(local.templates) > 0 ? 1 : 0

  name                 = "${var.name}-${local.region}-experiments"
  description          = "Allows the Fault Injection Service to make the faults of drills."
  path                 = var.iam.path
  permissions_boundary = var.iam.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "fis.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

# The service denies the replication to each table by a resource policy, and takes that away again.
resource "aws_iam_role_policy" "tables" {
  count = length(aws_iam_role.this)

  name = "pause-replication"
  role = aws_iam_role.this[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeTable", "dynamodb:GetResourcePolicy", "dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy"]
        Resource = var.global_table_arns
      },
      {
        Effect   = "Allow"
        Action   = ["tag:GetResources"]
        Resource = ["*"] # it has no resources
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "network" {
  count = contains(keys(local.templates), "region-isolation") ? 1 : 0

  role       = aws_iam_role.this[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AWSFaultInjectionSimulatorNetworkAccess"
}
