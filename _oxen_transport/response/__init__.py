"""Bytes -> completions, chunks, or a typed error. Pure: no I/O."""
