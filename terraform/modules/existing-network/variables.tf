variable "name" {
  description = "Prefix of the resources' names."
  type        = string
}

variable "vpc_id" {
  description = "The id of the VPC, such as vpc-0123456789abcdef0."
  type        = string

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "Give the id of a VPC."
  }
}

variable "subnet_ids" {
  description = "Ids of private subnets in two zones or more, with a way to AWS's public endpoints (see README.md)."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) > 1 && length(distinct(var.subnet_ids)) == length(var.subnet_ids) && alltrue([for id in var.subnet_ids : startswith(id, "subnet-")])
    error_message = "Give the ids of two subnets or more, each once."
  }
}

variable "ipv6" {
  description = "Whether the functions leave the subnets over IPv6."
  type        = bool
  default     = false
}

variable "network_rights" {
  description = "What must be there before the functions' security group and subnets, and go after them: the policies by which Lambda manages network interfaces."
  type        = list(string)
  default     = []
}

variable "egress_ports" {
  description = "TCP ports that the functions may call on any host: HTTPS, and the port of an external cache."
  type        = set(number)
  default     = [443]

  validation {
    condition     = alltrue([for port in var.egress_ports : port > 0 && port < 65536])
    error_message = "Give ports from 1 to 65535."
  }
}
