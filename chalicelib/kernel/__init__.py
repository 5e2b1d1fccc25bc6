"""What everything stands on: ids, times, errors, settings, telemetry, records. Knows no feature."""
