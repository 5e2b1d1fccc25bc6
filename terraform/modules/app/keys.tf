# What the roles may do with customer managed keys. A policy of its own, which depends on no table: the tables
# wait for it (output `kms_key_arn`), so that no function meets data that it may not decrypt.

locals {
  # The services through which a function reads or writes data that the key encrypts.
  key_services = { for name, _ in local.functions : name => concat(
    length(local.permissions[name].tables) + length(local.permissions[name].indexes) == 0 && !can(local.carriers[name]) ? [] : ["dynamodb"],
    length(local.permissions[name].queues) == 0 && !can(local.triggers[name]) ? [] : ["sqs"],
    local.permissions[name].topic && local.several ? ["sns"] : [],
    local.permissions[name].secret ? ["secretsmanager"] : [],
  ) }

  own_keys = compact(concat([var.kms_key_arn], var.former_kms_key_arns))

  key_statements = { for name, _ in local.functions : name => concat(
    length(local.own_keys) == 0 || length(local.key_services[name]) == 0 ? [] : [{
      Sid       = "Key"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = local.own_keys
      Condition = { StringEquals = { "kms:ViaService" = [for service in local.key_services[name] : "${service}.${local.region}.amazonaws.com"] } }
    }],
    var.home_kms_key_arn == null || local.home_table_names[name] == [] ? [] : [{
      Sid       = "HomeKey"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = [var.home_kms_key_arn]
      Condition = { StringEquals = { "kms:ViaService" = ["dynamodb.${var.regions[0]}.amazonaws.com"] } }
    }],
    length(var.peer_kms_key_arns) == 0 || length(local.permissions[name].peer_queues) == 0 ? [] : [{
      Sid       = "PeerKeys"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = [for region, key in var.peer_kms_key_arns : key]
      Condition = { StringEquals = { "kms:ViaService" = [for region, key in var.peer_kms_key_arns : "sqs.${region}.amazonaws.com"] } }
    }],
  ) }
}

resource "aws_iam_role_policy" "keys" {
  for_each = { for name, statements in local.key_statements : name => statements if length(statements) > 0 }

  name = "keys"
  role = aws_iam_role.function[each.key].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = each.value
  })
}
