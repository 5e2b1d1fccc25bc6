variable "name" {
  description = "Prefix of the queue and topic names; the functions get it as TIDINGS_PREFIX."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.name))
    error_message = "Lower-case letters, digits and hyphens, at most 24, beginning with a letter."
  }
}

variable "peers" {
  description = "The other regions: by region name, the ARNs of its broadcast topic and of its inbox queue (the output `broadcast` of its module)."
  type        = map(object({ topic_arn = string, inbox_arn = string }))
  default     = {}
}

variable "kms_key_arn" {
  description = "Customer managed key of the queues and the topic. null takes SQS's own key (free of charge) for the queues and leaves the topic to SNS's encryption of disks. Its key policy must let sns.amazonaws.com use it."
  type        = string
  default     = null
}
