# What a deployment cannot become. It is kept in the state, so that a change is refused in the plan. See
# docs/how-to/change-a-deployment.md.

resource "terraform_data" "identity" {
  input = { name = var.name, region = local.region }

  lifecycle {
    ignore_changes = [input]

    precondition {
      condition     = !startswith(local.region, "cn-")
      error_message = "Tidings does not run in AWS's Chinese regions, whose hosts end in amazonaws.com.cn."
    }

    postcondition {
      condition     = self.output.name == var.name
      error_message = "This deployment is named ${self.output.name}: with the name ${var.name}, all tables would be replaced, and their data lost. Deploy ${var.name} beside it, with a state of its own."
    }

    postcondition {
      condition     = self.output.region == local.region
      error_message = "This deployment is in ${self.output.region}: in ${local.region}, deploy another one, with a state of its own, or add ${local.region} as a further region."
    }
  }
}
