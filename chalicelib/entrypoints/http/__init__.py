"""HTTP requests to the domain and back: routes' functions, bodies, views, the OpenAPI document."""
