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

variable "domain" {
  description = "The host that clients use, such as chat.example.com."
  type        = string
}

variable "zone_id" {
  description = "Id of the public Route 53 zone in which the host gets its records."
  type        = string
}

variable "redis_url" {
  description = "rediss:// URL of a Redis or Valkey that the functions can reach. Put a password into the secret, as redis_password."
  type        = string
}

variable "alarm_emails" {
  description = "Addresses that get the alarms."
  type        = list(string)
  default     = []
}
