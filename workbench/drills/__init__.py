"""Drills: run the system under faults, record a history, and judge it with a pure checker."""
