"""Keccak-256, Ethereum's hash: SHA-3 before it was a standard, which ends a message in another way.

hashlib has SHA-3 alone. Only what anybody may read is hashed, and few bytes of it.
source  FIPS 202, section 3 (the permutation), section 4 (the sponge); The Keccak reference 3.0
"""

from functools import reduce
from operator import xor

ROUNDS = 24
RATE_BYTES = 136  # of the 200 bytes of the state; the other 64 are twice the hash
KECCAK, SHA3 = 0x01, 0x06  # what comes behind a message
_MASK = (1 << 64) - 1


def keccak256(message: bytes, *, ending: int = KECCAK) -> bytes:
    """32 bytes. With SHA3 as the ending it is hashlib's sha3_256: so a test compares the two."""
    padded = bytearray(message) + bytes([ending])
    padded += bytes(-len(padded) % RATE_BYTES)
    padded[-1] |= 0x80
    lanes = [0] * 25  # at x + 5 * y
    for start in range(0, len(padded), RATE_BYTES):
        for place in range(RATE_BYTES // 8):
            at = start + 8 * place
            lanes[place] ^= int.from_bytes(padded[at : at + 8], "little")
        _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permute(lanes: list[int]) -> None:
    """Keccak-f[1600] in place: theta, rho and pi, chi, iota, 24 times."""
    for constant in _CONSTANTS:
        columns = [reduce(xor, lanes[x::5]) for x in range(5)]
        mixed = [columns[x - 1] ^ _rotated(columns[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * 25
        for place, (to, turn) in enumerate(_MOVES):
            moved[to] = _rotated(lanes[place] ^ mixed[place % 5], turn)
        for y in range(0, 25, 5):
            for x in range(5):
                lanes[y + x] = moved[y + x] ^ (~moved[y + (x + 1) % 5] & moved[y + (x + 2) % 5])
        lanes[0] ^= constant


def _rotated(lane: int, turn: int) -> int:
    return (lane << turn | lane >> (64 - turn)) & _MASK


def _moves() -> list[tuple[int, int]]:
    """Where each lane goes, and by how many bits it is turned. Sections 3.2.2 and 3.2.3."""
    turns = {(0, 0): 0}
    x, y = 1, 0
    for step in range(24):
        turns[x, y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return [(y + 5 * ((2 * x + 3 * y) % 5), turns[x, y]) for y in range(5) for x in range(5)]


def _constants() -> list[int]:
    """What makes the rounds differ: bits of a shift register. Section 3.2.5."""
    found, register = [], 1
    for _ in range(ROUNDS):
        constant = 0
        for power in range(7):
            constant |= (register & 1) << ((1 << power) - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        found.append(constant)
    return found


_MOVES = _moves()
_CONSTANTS = _constants()
