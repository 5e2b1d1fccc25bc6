"""The applications that the official Engine.IO and Socket.IO test suites need."""
