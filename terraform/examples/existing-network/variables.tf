variable "region" {
  description = "The AWS region to deploy to."
  type        = string
  default     = "us-east-1"
}

variable "package_dir" {
  description = "Directory to which `tidings package` wrote its files, relative to this folder."
  type        = string
  default     = "../../../dist"
}

variable "vpc_id" {
  description = "The id of the VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Ids of private subnets in two zones or more; modules/existing-network says what they need."
  type        = list(string)
}

variable "redis_host" {
  description = "Host of a Redis or Valkey with TLS, at which the user `tidings` has the password that is in the secret."
  type        = string
}

variable "redis_is_cluster" {
  description = "Whether it is in cluster mode."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts tables, queues and the secret."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds all roles."
  type        = string
}

variable "alarm_emails" {
  description = "Addresses that get the alarms."
  type        = list(string)
  default     = []
}
