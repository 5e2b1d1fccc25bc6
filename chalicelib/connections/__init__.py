"""Devices' connections, from the handshake to the clean-up after them."""
