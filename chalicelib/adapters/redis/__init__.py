"""Redis: the cache, Engine.IO sessions, trails, and the pub/sub channel between processes."""
