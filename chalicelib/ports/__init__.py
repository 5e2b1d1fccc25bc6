"""What the domain needs from outside systems, as small protocols, one module per feature.

Each has an in-memory twin (`adapters/memory`) and a real adapter; one contract suite
(`tests/contract`) tests both. Store and queue methods raise `Unavailable` when the service does
not answer in time; cache methods raise `CacheDown`.
"""
