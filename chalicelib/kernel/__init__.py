"""Ids, times, errors, settings, telemetry and records, for all packages. Imports no feature."""
