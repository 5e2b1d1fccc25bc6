"""What clients see: commands, events and positions. No protocol's encoding."""
