variable "name" {
  description = "Prefix of the queue and topic names; the functions get it as TIDINGS_PREFIX."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.name))
    error_message = "Use lower-case letters, digits and hyphens, at most 24 characters, starting with a letter."
  }
}

variable "several" {
  description = "Whether the deployment has several regions."
  type        = bool
  default     = false
}

variable "peers" {
  description = "The other regions: by region name, the ARNs of their broadcast topic and inbox queue (the output `broadcast` of their module)."
  type        = map(object({ topic_arn = string, inbox_arn = string }))
  default     = {}
}

variable "kms_key_arn" {
  description = "ARN of a customer managed key for the queues and the topic; its policy must let sns.amazonaws.com use it. null uses SQS's own key (free) for the queues, and only SNS's disk encryption for the topic."
  type        = string
  default     = null
}
