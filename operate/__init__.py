"""What runs against a deployment, apart from the workbench: package, deploy, dead letters, cost."""
