"""Nobody gets in where they do not belong: each action, each route, each role."""
