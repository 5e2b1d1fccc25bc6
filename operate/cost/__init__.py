"""What a deployment costs in a month: call budgets times assumed usage times list prices. Pure.

An estimate to plan with, not a bill: no free tier, no discount, one region.
"""

from .model import Line, message_usd, monthly
from .prices import Price, load
from .usage import Egress, Usage

__all__ = ["Egress", "Line", "Price", "Usage", "load", "message_usd", "monthly"]
