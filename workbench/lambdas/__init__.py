"""Runs deployed functions as Lambda does, in processes of their own, for ministack."""
