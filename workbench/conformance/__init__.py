"""The applications of the official Engine.IO and Socket.IO suites, behind Tidings' handlers."""
