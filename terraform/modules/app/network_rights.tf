# What Lambda does with a function's role in a VPC. A policy of its own, which depends on no network: subnets and
# security groups wait for it (output `network_rights`). So when all is destroyed, it goes after them; without it,
# Lambda could not delete its network interfaces, and they could not be deleted.

locals {
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
  network_actions = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ]
}

resource "aws_iam_role_policy" "network" {
  for_each = var.in_vpc ? local.functions : {}

  name = "network"
  role = aws_iam_role.function[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Network"
        Effect   = "Allow"
        Action   = local.network_actions
        Resource = ["*"] # Lambda creates the interfaces, so their ARNs are not known here
      },
      # Lambda needs these permissions in the role, but the function's own code must not use them.
      {
        Sid       = "NetworkNotByTheCode"
        Effect    = "Deny"
        Action    = local.network_actions
        Resource  = ["*"]
        Condition = { ArnEquals = { "lambda:SourceFunctionArn" = ["arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${local.function_names[each.key]}"] } }
      },
    ]
  })
}
