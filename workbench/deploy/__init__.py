"""What has been deployed, from its control planes: read, served and invoked; never changed."""
