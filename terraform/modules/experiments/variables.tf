variable "name" {
  description = "Prefix of the role's name, and the deployment in descriptions."
  type        = string
}

variable "minutes" {
  description = "How long the faults last. Replication may go on for some minutes after its pause has begun."
  type        = number
  default     = 5

  validation {
    condition     = floor(var.minutes) == var.minutes && var.minutes >= 1 && var.minutes <= 720
    error_message = "Give whole minutes, 1 to 720: FIS allows 12 hours."
  }
}

variable "global_table_arns" {
  description = "This region's replicas of the global tables."
  type        = list(string)
}

variable "subnet_ids" {
  description = "The functions' subnets; without any there is no experiment on the network."
  type        = list(string)
  default     = []
}

variable "peer_regions" {
  description = "The other regions. Without any there is no experiment."
  type        = list(string)
}

variable "stop_alarm_arns" {
  description = "CloudWatch alarms that end an experiment early."
  type        = list(string)
  default     = []
}

variable "iam" {
  description = "The role's path and permissions boundary."
  type = object({
    path                     = optional(string, "/")
    permissions_boundary_arn = optional(string)
  })
  default = {}
}
