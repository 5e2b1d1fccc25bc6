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

variable "redis_url" {
  description = "rediss:// URL of a Redis or Valkey that the functions can reach. Put a password into the secret, as redis_password."
  type        = string
}
