"""Value types, one module per feature: frozen dataclasses and enums with almost no behaviour.

Times are integer milliseconds since the epoch (`_ms`) unless a name says otherwise. Nothing here
depends on a store, a queue or a protocol.
"""
