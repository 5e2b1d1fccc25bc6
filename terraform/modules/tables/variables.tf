variable "name" {
  description = "Prefix of the table names; the functions get it as TIDINGS_PREFIX."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.name))
    error_message = "Use lower-case letters, digits and hyphens, at most 24 characters, starting with a letter."
  }
}

variable "primary" {
  description = "Whether this region creates the global tables; exactly one region must. In the others, DynamoDB creates the replicas, and this module creates only the regional tables."
  type        = bool
  default     = true
}

variable "replica_regions" {
  description = "Regions that get a replica of each global table. Set it only in the primary region."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for region in var.replica_regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "Give region names such as eu-west-1."
  }
}

variable "point_in_time_recovery" {
  description = "Whether tables can be restored to any second of the last 35 days. About 0.20 USD per GB and month, per replica."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the tables. To delete them, set this to false and apply first."
  type        = bool
  default     = true
}

variable "table_class" {
  description = "STANDARD, or STANDARD_INFREQUENT_ACCESS: storage costs some 60 percent less, and each request a quarter more. It pays when storage costs more than half of what requests do. It changes in place."
  type        = string
  default     = "STANDARD"

  validation {
    condition     = contains(["STANDARD", "STANDARD_INFREQUENT_ACCESS"], var.table_class)
    error_message = "Give STANDARD or STANDARD_INFREQUENT_ACCESS."
  }
}

variable "on_demand_throughput" {
  description = "The most read and write request units a second of each table and of each index: beyond them DynamoDB throttles, and costs no more. null for no ceiling but the account's quota (40,000 each)."
  type        = object({ read_units = number, write_units = number })
  default     = null

  validation {
    condition     = var.on_demand_throughput == null || try(var.on_demand_throughput.read_units >= 1 && var.on_demand_throughput.write_units >= 1, false)
    error_message = "Give at least one unit of each."
  }
}

variable "kms_key_arn" {
  description = "ARN of a customer managed key for the tables. null uses DynamoDB's own key, which also encrypts them and is free."
  type        = string
  default     = null
}

variable "replica_kms_key_arns" {
  description = "ARNs of the replicas' keys by region; required for each replica region if kms_key_arn is set."
  type        = map(string)
  default     = {}

  validation {
    condition     = var.kms_key_arn == null || alltrue([for region in var.replica_regions : contains(keys(var.replica_kms_key_arns), region)])
    error_message = "A customer managed key belongs to one region: give a key for each replica region."
  }
}
