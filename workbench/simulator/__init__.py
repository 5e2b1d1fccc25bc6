"""Tidings on a virtual clock: the product's own handlers, on the in-memory adapters, in one thread.

Each invocation of a handler is a task that is suspended at every call of a port. A seeded scheduler
decides which task continues, how long each call takes and what fails. Clients of several kinds
connect, write, leave, are removed and return; pure checkers judge the promises at the end. The same
seed gives the same run, to the last step. The models are FoundationDB's simulation and
TigerBeetle's VOPR: https://docs.tigerbeetle.com/about/vopr
"""
