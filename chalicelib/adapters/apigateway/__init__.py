"""@connections: posts and closes, signed by this package and sent on keep-alive sockets."""
