"""Prove that a service works as its clients see it: connections, a message each way, history."""

from .prove import Addresses, Given, Issue, Tokens, prove

__all__ = ["Addresses", "Given", "Issue", "Tokens", "prove"]
