# The package's description. Chalice's output is read as data: app.py is the only source of functions,
# handlers, routes, schedules and batch sizes, and .chalice/config.json of memory and timeouts.

locals {
  package   = jsondecode(file("${var.package_dir}/package.json"))
  manifest  = jsondecode(file("${var.package_dir}/chalice.tf.json"))
  resources = local.manifest.resource

  app_name = local.manifest.data.null_data_source.chalice.inputs.app

  # With one region, there is nothing to relay.
  functions = {
    for name, function in local.resources.aws_lambda_function : name => {
      handler     = function.handler
      memory_mb   = function.memory_size
      timeout_s   = function.timeout
      environment = try(function.environment.variables, {})
    } if local.several || !contains(local.relays, name)
  }

  # "arn:…:tidings-delivery.fifo" is the queue `delivery`; "${aws_lambda_function.deliver.arn}" the
  # function `deliver`.
  sources = {
    for source in values(try(local.resources.aws_lambda_event_source_mapping, {})) :
    regex("aws_lambda_function\\.([^.]+)\\.", source.function_name)[0] => source
  }

  queue_triggers = {
    for name, source in local.sources : name => {
      queue           = trimsuffix(trimprefix(reverse(split(":", source.event_source_arn))[0], "${local.app_name}-"), ".fifo")
      batch_size      = source.batch_size
      batching_window = source.maximum_batching_window_in_seconds
    } if split(":", source.event_source_arn)[2] == "sqs"
  }

  # The functions whose queues only several regions have.
  between_regions = [for name, queue in jsondecode(file("${path.module}/../../resources.json")).queues : name if try(queue.between_regions, false)]
  relays          = [for name, trigger in local.queue_triggers : name if contains(local.between_regions, trigger.queue)]
  triggers        = { for name, trigger in local.queue_triggers : name => trigger if local.several || !contains(local.relays, name) }

  # Of streams, the ARN is a placeholder for those in `var.streams`.
  carriers = {
    for name, source in local.sources : name => {
      batch_size        = source.batch_size
      batching_window   = source.maximum_batching_window_in_seconds
      starting_position = source.starting_position
    } if split(":", source.event_source_arn)[2] == "dynamodb"
  }

  schedules = {
    for name, target in try(local.resources.aws_cloudwatch_event_target, {}) :
    regex("aws_lambda_function\\.([^.]+)\\.", target.arn)[0] => local.resources.aws_cloudwatch_event_rule[name].schedule_expression
  }

  websocket_routes = {
    for name, route in local.resources.aws_apigatewayv2_route :
    route.route_key => regex("websocket_[a-z]+", name)
  }

  # No route may end in a slash, here or in Chalice. Socket.IO clients request /socket.io/, and the edge
  # removes the slash. Clients that use this API's own address set addTrailingSlash: false.
  http_paths  = jsondecode(local.manifest.locals.chalice_api_swagger).paths
  http_routes = toset(flatten([for path, methods in local.http_paths : [for method, _ in methods : "${upper(method)} ${path}"]]))
}
