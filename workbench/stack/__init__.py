"""The local stack: emulators as child processes, handlers in process, queue pumps, schedules."""
