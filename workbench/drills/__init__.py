"""Drills: the system under faults, recorded as a history and judged by a pure checker."""
