"""Tidings deployed: packaged functions behind AWS APIs, of an emulator or of AWS itself."""
