# What AWS cannot change in place. It is kept in the state, so that a change is refused in the plan. See
# docs/how-to/change-a-deployment.md.

resource "terraform_data" "cidr" {
  input = var.cidr

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.output == var.cidr
      error_message = "The VPC's range is ${self.output} and cannot become ${var.cidr}: AWS would have to replace the VPC, with its subnets and the cache. Go back to ${self.output}; docs/how-to/change-a-deployment.md says how to move to another range."
    }
  }
}
