variable "name" {
  description = "Name of the VPC and prefix of its resources' names."
  type        = string
}

variable "cidr" {
  description = "IPv4 range of the VPC, from /16 to /20. Function executions share network interfaces, so they do not need an address each."
  type        = string
  default     = "10.60.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.cidr, 4, 15)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "Give an IPv4 range from /16 to /20, such as 10.60.0.0/16."
  }
}

variable "zones" {
  description = "Number of availability zones: 2 or 3. Each adds the cost of a NAT gateway and of its share of every interface endpoint."
  type        = number
  default     = 2

  validation {
    condition     = contains([2, 3], var.zones)
    error_message = "Give 2 or 3."
  }
}

variable "zone_names" {
  description = "Names of the zones, such as us-east-1a, if a service that you need is not in all zones. null uses the first `zones` suitable ones."
  type        = list(string)
  default     = null

  validation {
    condition     = var.zone_names == null || try(contains([2, 3], length(var.zone_names)) && length(distinct(var.zone_names)) == length(var.zone_names), false)
    error_message = "Give 2 or 3 zones, each once."
  }

  validation {
    condition     = alltrue([for zone in coalesce(var.zone_names, []) : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-h]$", zone))])
    error_message = "Give names of zones, such as us-east-1a."
  }
}

variable "egress" {
  description = <<-EOT
    The functions' egress, which they need to post to connections through the public execute-api endpoint. Prices in us-east-1 for a month of 730 hours.
    "nat": a NAT gateway in each zone, 32.85 USD each plus 3.65 USD for its address and 0.045 USD per GB. With 2 zones: 73 USD.
    "nat-single": one NAT gateway for all zones, 36.50 USD. If its zone fails, the other zones have no egress; traffic between zones costs 0.01 USD per GB and direction.
    "ipv6": an egress-only internet gateway, free. IPv6 only: the WebSocket APIs are dualstack, and the other AWS APIs are reached through interface endpoints (see interface_endpoints). The host of a JWKS URL must have an IPv6 address.
  EOT
  type        = string
  default     = "nat"

  validation {
    condition     = contains(["nat", "nat-single", "ipv6"], var.egress)
    error_message = "Give nat, nat-single or ipv6."
  }
}

variable "several" {
  description = "Whether the deployment has several regions: then functions also call SNS."
  type        = bool
  default     = false
}

variable "interface_endpoints" {
  description = "AWS APIs that get an interface endpoint: 7.30 USD per endpoint, zone and month, plus 0.01 USD per GB. null creates none with NAT, and with ipv6 those that the functions call (sqs, secretsmanager, monitoring: 44 USD with 2 zones; with several regions also sns). Never execute-api (see README.md)."
  type        = set(string)
  default     = null

  validation {
    condition     = !contains(coalesce(var.interface_endpoints, []), "execute-api")
    error_message = "Remove execute-api: with its endpoint and private DNS, every post to a connection fails with 403."
  }
}

variable "flow_log_days" {
  description = "Days for which flow logs are kept; null for no flow logs. Writing them costs 0.50 USD per GB."
  type        = number
  default     = null
}

variable "iam" {
  description = "The path of the roles, and the ARN of a permissions boundary for them; null for none."
  type        = object({ path = string, permissions_boundary_arn = string })
  default     = { path = "/", permissions_boundary_arn = null }
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
