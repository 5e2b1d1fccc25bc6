"""Redis: the cache, Engine.IO sessions, trails, and the channel between processes."""
