"""Examine a deployment or a local stack: each part, and the proof that messages arrive."""

from .examine import examine
from .subject import Subject

__all__ = ["Subject", "examine"]
