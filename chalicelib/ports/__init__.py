"""What the domain asks of the world outside, as small protocols, a module for each feature.

Each has an in-memory twin (`adapters/memory`) and a real adapter; one contract suite
(`tests/contract`) runs on both. Store and queue methods raise `Unavailable` when the service does
not answer in time; cache methods raise `CacheDown`.
"""
