mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name              = "chat"
  minutes           = 7
  global_table_arns = ["arn:aws:dynamodb:us-east-1:123456789012:table/chat-messages"]
  subnet_ids        = ["subnet-1"]
  peer_regions      = ["eu-west-1", "ap-southeast-1"]
}

run "each_drill_has_a_template" {
  assert {
    condition     = toset(keys(output.templates)) == toset(["replication-pause", "region-isolation"])
    error_message = "The drills that FIS can make the fault of are two."
  }

  assert {
    condition     = toset(aws_fis_experiment_template.this["region-isolation"].action[*].name) == toset(["pause", "from-eu-west-1", "from-ap-southeast-1"])
    error_message = "An isolated region reaches no other one, and gets nothing replicated."
  }

  assert {
    condition = alltrue(flatten([for template in aws_fis_experiment_template.this : [
      for action in template.action : contains([for each in action.parameter : "${each.key}=${each.value}"], "duration=PT7M")
    ]]))
    error_message = "Every fault ends by itself."
  }

  assert {
    condition     = alltrue([for template in aws_fis_experiment_template.this : length(template.target) <= 2 && alltrue([for target in template.target : length(target.resource_arns) > 0 && length(target.resource_tag) == 0])])
    error_message = "Targets are this deployment's, by ARN."
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.tables[0].policy).Statement : statement.Resource != ["*"] || statement.Action == ["tag:GetResources"]])
    error_message = "The role may touch no other table."
  }
}

run "an_alarm_ends_it" {
  variables {
    stop_alarm_arns = ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:chat"]
  }

  assert {
    condition     = alltrue([for template in aws_fis_experiment_template.this : one(template.stop_condition).source == "aws:cloudwatch:alarm"])
    error_message = "The alarm is no stop condition."
  }
}

run "without_subnets_the_network_is_left_alone" {
  variables {
    subnet_ids = []
  }

  assert {
    condition     = keys(output.templates) == ["replication-pause"] && length(aws_iam_role_policy_attachment.network) == 0
    error_message = "There is no network to disrupt."
  }
}

run "one_region_has_none" {
  variables {
    peer_regions = []
  }

  assert {
    condition     = output.templates == {} && length(aws_iam_role.this) == 0
    error_message = "There is nothing to pause."
  }
}
