"""What clients see: commands, acks, events and positions, independent of the protocol."""
