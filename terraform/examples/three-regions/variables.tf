variable "regions" {
  description = "The AWS regions. The first one creates the global tables and the secret, and keeps the claims of chosen room ids. Never change their order."
  type        = list(string)
  default     = ["us-east-1", "eu-west-1", "ap-southeast-1"]

  validation {
    condition     = length(distinct(var.regions)) == 3 && length(var.regions) == 3
    error_message = "Give three different regions."
  }
}

variable "package_dir" {
  description = "Directory to which `tidings package` wrote its files, relative to this folder."
  type        = string
  default     = "../../../dist"
}

variable "redis_urls" {
  description = "rediss:// URLs of a Redis or Valkey for each region, in the order of `regions`. A region must have its own. Put a password that they share into the secret, as redis_password."
  type        = list(string)

  validation {
    condition     = length(distinct(var.redis_urls)) == 3 && length(var.redis_urls) == 3
    error_message = "Give one URL for each region: regions must not share a cache."
  }
}

variable "monitoring" {
  description = "Whether to create a dashboard and alarms in each region, about 11 USD a month each."
  type        = bool
  default     = true
}

# For emulators only.

variable "aws_endpoint_url" {
  description = "Emulators: the URL of AWS's APIs for the functions (AWS_ENDPOINT_URL)."
  type        = string
  default     = null
}

variable "connections_urls" {
  description = "Emulators: the URLs to which the functions of each region post to connections, in the order of `regions`."
  type        = list(string)
  default     = [null, null, null]
}
