"""The HTTP API: handlers, request bodies, views, CORS and the OpenAPI document."""
