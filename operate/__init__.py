"""Tools that work on a deployment: package, deploy, dead letters, cost, operators' commands."""
