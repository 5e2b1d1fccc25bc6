"""The nouns as values, a module for each feature: frozen, without behaviour beyond their own shape.

Times are integer milliseconds since the epoch (`_ms`) unless a name says otherwise. Nothing here
knows a store, a queue or a protocol.
"""
