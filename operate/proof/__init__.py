"""Prove that a service works as its clients see it: connections, a message each way, history."""

from .prove import Addresses, Given, Tokens, prove

__all__ = ["Addresses", "Given", "Tokens", "prove"]
