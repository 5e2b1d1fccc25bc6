"""Socket.IO: decode frames and polls of Engine.IO sessions, and run an application on them."""
