# `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name   = "chat"
  tables = { for name, _ in jsondecode(file("../../resources.json")).tables : name => { arn = "arn:aws:dynamodb:us-east-1:123456789012:table/chat-${name}" } }
  queues = { for name, queue in jsondecode(file("../../resources.json")).queues : name => { arn = "arn:aws:sqs:us-east-1:123456789012:chat-${name}", visibility_timeout_s = queue.visibility_timeout_s } }
  secret = { name = "chat-secrets", arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:chat-secrets-AbCdEf" }
  redis  = { url = "redis://cache.example.com:6379", cluster = false }
}

run "no_secret_and_no_typing_error_in_settings" {
  command = plan

  variables {
    settings = { TIDINGS_JWT_SECRET = "secret" }
  }

  expect_failures = [var.settings]
}

run "an_issuer" {
  variables {
    settings = {
      TIDINGS_JWKS_URL           = "https://login.example.com:8443/keys"
      TIDINGS_JWT_ISSUER         = "https://login.example.com/"
      TIDINGS_JWT_AUDIENCE       = "chat"
      TIDINGS_JWT_MAX_VALIDITY_S = "86400"
    }
  }

  assert {
    condition     = aws_lambda_function.this["api_handler"].environment[0].variables.TIDINGS_JWT_AUDIENCE == "chat"
    error_message = "The functions get the settings."
  }
}

run "keys_that_anybody_between_could_change" {
  command = plan

  variables {
    settings = {
      TIDINGS_JWKS_URL     = "http://login.example.com/keys"
      TIDINGS_JWT_ISSUER   = "https://login.example.com/"
      TIDINGS_JWT_AUDIENCE = "chat"
    }
  }

  expect_failures = [var.settings]
}

run "an_issuer_that_signs_for_others" {
  command = plan

  variables {
    settings = {
      TIDINGS_JWKS_URL   = "https://login.example.com/keys"
      TIDINGS_JWT_ISSUER = "https://login.example.com/"
    }
  }

  expect_failures = [var.settings]
}

run "audiences_that_name_none" {
  command = plan

  variables {
    settings = {
      TIDINGS_JWKS_URL     = "https://login.example.com/keys"
      TIDINGS_JWT_ISSUER   = "https://login.example.com/"
      TIDINGS_JWT_AUDIENCE = " , "
    }
  }

  expect_failures = [var.settings]
}

run "an_issuer_that_is_blank" {
  command = plan

  variables {
    settings = {
      TIDINGS_JWKS_URL     = "https://login.example.com/keys"
      TIDINGS_JWT_ISSUER   = " "
      TIDINGS_JWT_AUDIENCE = "chat"
    }
  }

  expect_failures = [var.settings]
}

run "keys_of_no_host" {
  command = plan

  variables {
    settings = {
      TIDINGS_JWKS_URL     = "https:///keys"
      TIDINGS_JWT_ISSUER   = "https://login.example.com/"
      TIDINGS_JWT_AUDIENCE = "chat"
    }
  }

  expect_failures = [var.settings]
}

run "a_validity_in_words" {
  command = plan

  variables {
    settings = {
      TIDINGS_JWT_MAX_VALIDITY_S = "1 day"
    }
  }

  expect_failures = [var.settings]
}

run "a_validity_out_of_range" {
  command = plan

  variables {
    settings = {
      TIDINGS_JWT_MAX_VALIDITY_S = "59"
    }
  }

  expect_failures = [var.settings]
}

run "limits_that_are_no_json" {
  command = plan

  variables {
    settings = { TIDINGS_LIMITS = "{nope" }
  }

  expect_failures = [var.settings]
}

run "limits_without_a_burst" {
  command = plan

  variables {
    settings = { TIDINGS_LIMITS = "{\"sync\": [5]}" }
  }

  expect_failures = [var.settings]
}

run "numbers_that_are_none" {
  command = plan

  variables {
    settings = { TIDINGS_MAX_ROOMS = "many" }
  }

  expect_failures = [var.settings]
}

run "a_yes_that_would_be_a_no" {
  command = plan

  variables {
    settings = { TIDINGS_BEHIND_PROXY = "true" }
  }

  expect_failures = [var.settings]
}

run "settings_that_can_be" {
  variables {
    settings = {
      TIDINGS_LIMITS          = "{\"sync\": [0.5, 3], \"*\": [100, 500]}"
      TIDINGS_ROOM_RATE       = "[50, 100]"
      TIDINGS_ROOM_SHARE      = "0.1"
      TIDINGS_ROOM_DURABILITY = "{\"notifications\": \"global\"}"
      TIDINGS_MAX_ROOMS       = "4000"
      TIDINGS_FAST_LANE       = "0"
      TIDINGS_BEHIND_PROXY    = "0"
      TIDINGS_LOG_LEVEL       = "WARNING"
      TIDINGS_ADDED_BY        = ""
    }
  }

  assert {
    condition     = output.environment.TIDINGS_ROOM_SHARE == "0.1" && !contains(keys(output.environment), "TIDINGS_ADDED_BY")
    error_message = "The functions get the settings."
  }
}
