"""Stages of a turn: each takes one stream of values and makes another of it."""
