"""A device that comes back gets exactly what it missed, or hears that it cannot."""
