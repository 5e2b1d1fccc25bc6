variable "region" {
  description = "Where to deploy."
  type        = string
  default     = "us-east-1"
}

variable "package_dir" {
  description = "Where `tidings package` left its files, seen from this folder."
  type        = string
  default     = "../../../dist"
}

variable "redis_url" {
  description = "rediss:// URL of a Redis or Valkey that the functions can reach. A password goes into the secret, as redis_password."
  type        = string
}
