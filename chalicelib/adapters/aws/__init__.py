"""AWS's JSON APIs without its SDK: what messages need of DynamoDB, SQS, SNS and Secrets Manager.

`client` signs a call and sends it, `retries` says what is sent again, `errors` what callers see,
and `services` has the operations and the clients of this process.
"""

from .errors import AwsError, unavailable
from .services import client, forget

__all__ = ["AwsError", "client", "forget", "unavailable"]
