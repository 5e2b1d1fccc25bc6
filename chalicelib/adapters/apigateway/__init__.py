"""@connections: posts and closes, signed by hand on keep-alive sockets."""
