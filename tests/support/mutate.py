"""Mail broken the ways it breaks under way, and in worse ones; the same numbers give the same bytes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

MAX = 200_000
"""Octets a mutant has at most."""

Mutation = Callable[[random.Random, bytes, bytes], bytes]

TOKENS = (
    b"\n", b"\r\n", b"\r", b"\n\n", b"--", b"\0", b"\xff", b"\x1b$B", b"=", b"=?utf-8?B?", b"?=", b'"', b"(",
    b"<", b"Content-Type: multipart/mixed; boundary=", b"Content-Type: message/rfc822\n\n",
    b"; charset=utf-7",
    b"Content-Transfer-Encoding: base64\n", b"begin 644 x\n", b"BEGIN:VEVENT\n",
    b"From: x\nSent: y\nSubject: z\n",
    b"<table><tr><td>", b"<blockquote>", b"<!--", b"&#", b"\x78\x9f\x3e\x22", b"0\x80", b"{\\rtf1", b"LZFu",
)  # fmt: skip


def truncated(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def beheaded(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    return data[rng.randrange(len(data) + 1) :]


def spliced(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """The beginning of one with the end of another."""
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def flipped(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 20) if data else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def inserted(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.choice(TOKENS) * rng.choice((1, 2, 50, 2000)) + data[place:]


def fields_doubled(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Header fields twice, or another message's fields in front, each in any order."""
    head, separator, body = data.partition(b"\n\n")
    lines = re.findall(rb"[^\n]+(?:\n[ \t][^\n]*)*", head)
    more = re.findall(rb"[^\n]+(?:\n[ \t][^\n]*)*", other.partition(b"\n\n")[0])
    for line in rng.sample(lines + more, min(len(lines) + len(more), rng.randint(1, 5))):
        lines.insert(rng.randrange(len(lines) + 1), line)
    return b"\n".join(lines) + separator + body


def boundaries_played_with(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    """Delimiters lost, closed, lengthened, made alike, or put where none was."""
    found = re.findall(rb'boundary="?([^"\s;]{1,70})', data)
    if not found:
        return inserted(rng, data, b"")
    one, two = b"--" + rng.choice(found), b"--" + rng.choice(found)
    change = rng.choice((b"", b"\n" + one + b"--", one + b"x", one[:-1], two, one + b"\n" + one, b" " + one))
    return data.replace(one, change, rng.choice((1, 2, -1)))


def wrapped(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """A message inside a part of another kind."""
    kind = rng.choice(
        (
            b"message/rfc822",
            b"multipart/report",
            b"text/html",
            b"application/ms-tnef",
            b"application/pkcs7-mime",
        )
    )
    lead = b"Content-Type: multipart/mixed; boundary=Q\n\n--Q\nContent-Type: " + kind + b"\n\n"
    return lead + data + b"\n--Q\n" + other[:2000] + b"\n--Q--\n"


MUTATIONS: tuple[Mutation, ...] = (
    truncated, beheaded, spliced, flipped, inserted, fields_doubled, boundaries_played_with, wrapped,
)  # fmt: skip


def mutant(seed: int, mails: list[bytes], depth: int = 4) -> bytes:
    """One of the mails after up to `depth` mutations."""
    rng = random.Random(seed)
    data = rng.choice(mails)
    for _ in range(rng.randint(1, depth)):
        data = rng.choice(MUTATIONS)(rng, data, rng.choice(mails))[:MAX]
    return data
