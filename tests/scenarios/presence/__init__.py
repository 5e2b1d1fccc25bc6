"""Several devices are one user, a quick reconnect is seen by nobody, a death by all in time."""
