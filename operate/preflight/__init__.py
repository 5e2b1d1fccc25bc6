"""What would make a deployment fail or harm others in the account, before anything changes.

Every check asks AWS and changes nothing. What may not be asked is a warning, not an obstacle.
"""

from .run import run

__all__ = ["run"]
