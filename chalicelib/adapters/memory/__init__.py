"""In-memory twins of the stores, the queue and Redis, for tests and the simulator."""
