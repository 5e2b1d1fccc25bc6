"""What people do around messages: presence, receipts, typing, feeds."""
