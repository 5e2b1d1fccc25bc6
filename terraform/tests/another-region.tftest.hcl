# In a file of its own, as a state is of one region. `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

mock_provider "aws" {
  alias  = "primary"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

run "another_region" {
  command = plan

  variables {
    region = "eu-central-1"
  }

  override_data {
    target = module.primary.data.aws_region.current
    values = { id = "eu-central-1" }
  }

  assert {
    condition     = keys(output.regions) == ["eu-central-1"] && output.region == "eu-central-1" && length([for name in output.regions.eu-central-1.alarms.alarm_names : name if strcontains(name, "-replication-")]) == 0
    error_message = "The only region must be the one in the variable."
  }
}
