# What cannot be changed without an end of all connections. It is kept in the state, so that a change is
# refused in the plan. See docs/how-to/change-a-deployment.md.

resource "terraform_data" "first_stage" {
  input = local.stages[0]

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.output == local.stages[0]
      error_message = "The stage of the first WebSocket API was ${self.output} and would become ${local.stages[0]}: that replaces the API, ends all connections and changes its URLs. Go back to the former app.shards and app.stage; docs/how-to/change-a-deployment.md says how to do it all the same."
    }
  }
}

resource "terraform_data" "iam_path" {
  input = var.iam.path

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.output == var.iam.path
      error_message = "The path of the roles is ${self.output} and cannot become ${var.iam.path}: IAM would have to replace all roles, and functions would be without one."
    }
  }
}
