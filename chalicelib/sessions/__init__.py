"""Engine.IO sessions, upgrades, and the recovery of sockets."""
