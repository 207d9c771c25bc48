"""Deterministic ids that look like Stripe's: same seed and same calls give the same ids."""

from __future__ import annotations

from hashlib import sha256

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def token(seed: int, name: str, number: int, length: int = 24) -> str:
    """`length` base62 characters that depend on nothing but the arguments."""
    value = int.from_bytes(sha256(f"{seed}:{name}:{number}".encode()).digest(), "big")
    digits = []
    for _ in range(length):
        value, digit = divmod(value, 62)
        digits.append(ALPHABET[digit])
    return "".join(digits)
