# The secret, the same in every region. Terraform never sees its value, so no state file contains it:
# `tidings deploy` or you set the value (see README.md).

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

resource "aws_secretsmanager_secret" "this" {
  count = var.primary ? 1 : 0

  name                    = "${var.name}-secrets"
  description             = "Tidings: a JSON object with jwt_secret and, as needed, jwt_secret_previous and redis_password."
  kms_key_id              = module.app.kms_key_arn
  recovery_window_in_days = var.secret_recovery_days

  dynamic "replica" {
    for_each = keys(local.peers)
    content {
      region     = replica.value
      kms_key_id = lookup(var.kms_key_arns, replica.value, null)
    }
  }
}

locals {
  secret = {
    name = "${var.name}-secrets"
    # A replica's ARN is the primary's with the replica's region; Secrets Manager chooses the suffix.
    arn = var.primary ? aws_secretsmanager_secret.this[0].arn : join(":", [
      "arn", data.aws_partition.current.partition, "secretsmanager", local.region,
      data.aws_caller_identity.current.account_id, "secret", "${var.name}-secrets-??????",
    ])
  }
}
