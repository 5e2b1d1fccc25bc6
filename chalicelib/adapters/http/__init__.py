"""HTTP/1.1 to AWS: signatures, credentials, TLS, answers, and keep-alive sockets of two kinds.

`client` sends many requests at once from one thread, as posts need; `calls` sends one and blocks
its caller, as DynamoDB and SQS need. Everything else here serves both.
"""
