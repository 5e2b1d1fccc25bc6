"""When a sender has its ack, the message is durable and reaches every member, whatever fails."""
