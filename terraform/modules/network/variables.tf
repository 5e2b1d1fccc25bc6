variable "name" {
  description = "Name of the network and prefix of what is in it."
  type        = string
}

variable "cidr" {
  description = "IPv4 range of the VPC, a /16 to /20. Each function execution takes part of an interface, not an address of its own."
  type        = string
  default     = "10.60.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.cidr, 4, 15)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "An IPv4 range such as 10.60.0.0/16, from /16 to /20."
  }
}

variable "zones" {
  description = "Availability zones: 2 or 3. Each costs its NAT gateway and its part of every interface endpoint."
  type        = number
  default     = 2

  validation {
    condition     = contains([2, 3], var.zones)
    error_message = "2 or 3."
  }
}

variable "zone_names" {
  description = "The zones by name, such as us-east-1a, when a service that you need is not in all of them. null takes the first `zones` that have what is needed."
  type        = list(string)
  default     = null

  validation {
    condition     = var.zone_names == null || contains([2, 3], length(distinct(coalesce(var.zone_names, []))))
    error_message = "2 or 3 zones."
  }
}

variable "egress" {
  description = <<-EOT
    The functions' way out, which posting to connections needs: it goes to the public execute-api endpoint. Prices of us-east-1, a month of 730 hours.
    "nat": a NAT gateway in each zone, 32.85 USD each plus 3.65 USD for its address and 0.045 USD per GB. With 2 zones: 73 USD.
    "nat-single": one for all zones, 36.50 USD; the zone's loss cuts off the others, and traffic between zones costs 0.01 USD per GB and direction.
    "ipv6": an egress-only internet gateway, free. IPv6 only: the WebSocket APIs answer on it (dualstack), the other AWS APIs are reached through interface endpoints (see interface_endpoints). A JWKS URL must have an IPv6 address.
  EOT
  type        = string
  default     = "nat"

  validation {
    condition     = contains(["nat", "nat-single", "ipv6"], var.egress)
    error_message = "nat, nat-single or ipv6."
  }
}

variable "interface_endpoints" {
  description = "AWS APIs with an interface endpoint of their own: 7.30 USD per zone and month each, plus 0.01 USD per GB. null takes none with NAT, through which they are reached, and all that the functions call with ipv6 (sqs, secretsmanager, monitoring: 44 USD with 2 zones). Never execute-api (see README.md)."
  type        = set(string)
  default     = null

  validation {
    condition     = !contains(coalesce(var.interface_endpoints, []), "execute-api")
    error_message = "An execute-api endpoint with private DNS turns every post to a connection into 403."
  }
}

variable "flow_log_days" {
  description = "Days that flow logs are kept, null for none. Writing them costs 0.50 USD per GB."
  type        = number
  default     = null
}

variable "egress_ports" {
  description = "TCP ports that the functions may call anywhere: HTTPS, and an external cache's."
  type        = set(number)
  default     = [443]

  validation {
    condition     = alltrue([for port in var.egress_ports : port > 0 && port < 65536])
    error_message = "Ports from 1 to 65535."
  }
}
