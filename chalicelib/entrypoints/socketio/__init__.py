"""Socket.IO: frames and polls of Engine.IO sessions to packets, packets to an application."""
