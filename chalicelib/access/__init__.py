"""Who may do what, how often and where: tokens, revocations, limits, routing."""
