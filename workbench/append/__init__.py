"""Designs of an append to a stream, each tried in every order of its steps. See decision 44."""
