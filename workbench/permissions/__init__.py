"""What each function may do on AWS, derived from the code it can reach."""
