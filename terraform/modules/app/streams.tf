# The streams of the global tables. That of `messages` brings entries that no sender has delivered; with
# several regions, all of them bring what the others wrote.
# A global table's stream should have one reader only; so a function of your own needs another source.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html

locals {
  several = length(var.regions) > 1

  # What the function reads; chalicelib/adapters/dynamodb/arrivals.py checks the same once more. Items
  # say in `region` which region wrote them. What is filtered out costs nothing.
  # https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
  of_other_regions = { NewImage = { region = { S = [{ "anything-but" = [local.region] }] } } }

  # Entries; and dedupe items, which show that a message is stored in two regions. Changes of an entry are
  # entries, too.
  written = {
    eventName = ["INSERT"]
    dynamodb  = { NewImage = { region = { S = [local.region] } }, Keys = { entry = { S = [{ prefix = "e#" }] } } }
  }
  arrived = {
    eventName = ["INSERT"]
    dynamodb  = merge(local.of_other_regions, { Keys = { entry = { S = [{ prefix = "e#" }, { prefix = "#" }] } } })
  }
  changed = {
    eventName = ["INSERT", "MODIFY"]
    dynamodb  = local.of_other_regions
  }

  # A record must match one of a table's filters.
  filters = { for table, _ in var.streams : table => table != "messages" ? [jsonencode(local.changed)] : concat(
    [jsonencode(local.written)], local.several ? [jsonencode(local.arrived)] : []
  ) }

  # The streams that are read, by table.
  streams = { for table, arn in var.streams : table => arn if local.several || table == "messages" }

  # By "function table".
  carried = {
    for pair in setproduct(keys(local.carriers), keys(local.streams)) : join(" ", pair) => { function = pair[0], table = pair[1] }
  }
}

resource "aws_lambda_event_source_mapping" "stream" {
  for_each = local.carried

  function_name                      = aws_lambda_function.this[each.value.function].arn
  event_source_arn                   = var.streams[each.value.table]
  starting_position                  = local.carriers[each.value.function].starting_position
  batch_size                         = local.carriers[each.value.function].batch_size
  maximum_batching_window_in_seconds = local.carriers[each.value.function].batching_window

  # A shard takes 1,000 writes a second. Two batches at once keep up with it; each item's records stay
  # in order.
  parallelization_factor = 2

  # Nothing may be missed: a batch is repeated until the stream drops its records, after 24 hours.
  # Halves of it are tried, too, so that a faulty record delays only itself and those that follow.
  maximum_retry_attempts         = -1
  maximum_record_age_in_seconds  = -1
  bisect_batch_on_function_error = true

  filter_criteria {
    dynamic "filter" {
      for_each = local.filters[each.value.table]
      content {
        pattern = filter.value
      }
    }
  }

  destination_config {
    on_failure {
      destination_arn = var.queues["replicated-dead"].arn
    }
  }

  lifecycle {
    precondition {
      condition     = contains(keys(var.queues), "replicated-dead")
      error_message = "The queue replicated-dead is missing; modules/messaging creates it."
    }
  }
}
