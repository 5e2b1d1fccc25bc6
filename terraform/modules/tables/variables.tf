variable "name" {
  description = "Prefix of the table names; the functions get it as TIDINGS_PREFIX."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.name))
    error_message = "Lower-case letters, digits and hyphens, at most 24, beginning with a letter."
  }
}

variable "primary" {
  description = "Whether this region creates the global tables. Exactly one region does; in the others DynamoDB creates the replicas, and this module only the regional tables."
  type        = bool
  default     = true
}

variable "replica_regions" {
  description = "Peer regions that get a replica of each global table. Only for the primary region."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for region in var.replica_regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "Region names such as eu-west-1."
  }
}

variable "point_in_time_recovery" {
  description = "Restore to any second of the last 35 days. About 0.20 USD per GB and month, per replica."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Refuse to delete the tables until this is set to false and applied."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "Customer managed key of the tables. null takes DynamoDB's own key: encrypted too, free of charge."
  type        = string
  default     = null
}

variable "replica_kms_key_arns" {
  description = "Key of the replicas by region; needed for each replica region when kms_key_arn is set."
  type        = map(string)
  default     = {}

  validation {
    condition     = var.kms_key_arn == null || alltrue([for region in var.replica_regions : contains(keys(var.replica_kms_key_arns), region)])
    error_message = "A customer managed key is of one region: name a key for each replica region."
  }
}
