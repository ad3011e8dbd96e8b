"""Limits that several readers share: what a compressed file can hold, and what NumPy accepts."""

from __future__ import annotations

MOST_PACKED = 1032  # bytes that one byte of deflate can expand to (RFC 1951: 258 bytes in 2 bits)
MAX_RANK = 64  # dimensions of a NumPy array
