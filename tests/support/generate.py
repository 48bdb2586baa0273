"""A deterministic maker of mail: the same seed gives the same bytes everywhere.

Sizes and kinds follow what mailboxes hold: 10,000 messages are about 218 MB; half of them answer
another, 8 % have attachments, some are newsletters, a third is not ASCII. Line ends are LF.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import random
from collections.abc import Iterator
from email.utils import formatdate

EPOCH = 1_400_000_000
"""The first message's date; each is half an hour or so after the one before, the 250,000th of 2026."""


def _words(text: str) -> list[str]:
    return text.split()


COMMON = _words(
    "the of and to in is that for it on as with was at be by this have from or not are but you we can "
    "will if an all there their your what so up out about who get which when make like time no just him "
    "know take people into year good some could them see other than then now look only come over think "
    "meeting report invoice project budget schedule release deadline customer server backup contract "
    "review draft agenda minutes proposal shipment order payment account update security network"
)
FOREIGN = _words(
    "Größe Straße über schön garçon déjà être château niño mañana corazón źródło dziękuję příliš "
    "привет спасибо встреча проект завтра καλημέρα μήνυμα 会議 資料 添付 회의 안녕하세요 文件 合同"
)
SYLLABLES = _words("ba be ki da do fe ga ho ju ka le lo ma mi nu or pa ra si to ta ve wo ze an el in st tr")
DOMAINS = ("example.com", "example.org", "corp.example", "mail.example.net", "uni.example.edu")
PEOPLE = (
    "Alice Martin",
    "Bob Jensen",
    "Carol Smith",
    "Erin O'Neil",
    "François Dupré",
    "Иван Петров",
    "田中 太郎",
)
NEEDLE = "zanzibar"
"""Stands in every hundredth message, and nowhere else."""


def messages(count: int, seed: int = 1, start: int = 0) -> Iterator[bytes]:
    """Messages `start` to `start + count`; each is the same whatever range it is made in."""
    maker = _Maker(seed)
    for number in range(start, start + count):
        yield maker.make(number)


class _Maker:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        rng = random.Random(f"pool {seed}")
        self.rare = ["".join(rng.choices(SYLLABLES, k=rng.randint(2, 5))) for _ in range(20_000)]
        self.ascii = [self._sentence(rng, []) for _ in range(1500)]
        self.foreign = [self._sentence(rng, FOREIGN) for _ in range(600)]
        self.noise = rng.randbytes(4 << 20)
        self.addresses = [
            (rng.choice(PEOPLE), f"{rng.choice(self.rare)}{n}@{rng.choice(DOMAINS)}") for n in range(300)
        ]

    def _sentence(self, rng: random.Random, words: list[str]) -> str:
        def word() -> str:
            draw = rng.random()
            if words and draw < 0.3:
                return rng.choice(words)
            return rng.choice(COMMON) if draw < 0.8 else self.rare[int(6000 * rng.random() ** 3)]

        return " ".join(word() for _ in range(rng.randint(6, 14))).capitalize() + "."

    def make(self, number: int) -> bytes:
        rng = random.Random(f"{self.seed}/{number}")
        foreign = rng.random() < 0.35
        thread, parent = self._thread(number)
        text = self._text(rng, min(int(rng.lognormvariate(8.25, 0.9)), 150_000), foreign)
        if number % 100 == 7:
            text += f"The {NEEDLE} of message {number}.\n"
        draw = rng.random()
        if draw < 0.4:
            body = self._part(rng, text, "plain")
        elif draw < 0.5:
            body = self._part(rng, self._html(rng, text), "html")
        else:
            halves = [self._part(rng, text, "plain"), self._part(rng, self._html(rng, text), "html")]
            body = self._multipart(rng, "alternative", halves)
        if rng.random() < 0.08:
            files = [self._file(rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
            body = self._multipart(rng, "mixed", [body, *files])
        return self._header(rng, number, thread, parent, foreign) + body

    def _thread(self, number: int) -> tuple[int, int | None]:
        """(root, parent): half of the messages answer one of the twenty before them."""
        parent, here = None, number
        for _ in range(12):
            rng = random.Random(f"{self.seed}/parent/{here}")
            if here < 20 or rng.random() < 0.5:
                break
            here -= rng.randint(1, 19)
            parent = here if parent is None else parent
        return here, parent

    def _id(self, number: int) -> str:
        tail = hashlib.md5(f"{self.seed}/{number}".encode(), usedforsecurity=False).hexdigest()[:12]
        return f"<{number}.{tail}@{DOMAINS[number % len(DOMAINS)]}>"

    def _header(self, rng: random.Random, number: int, root: int, parent: int | None, foreign: bool) -> bytes:
        topic = random.Random(f"{self.seed}/subject/{root}")
        words = [
            *topic.choices(COMMON, k=3),
            topic.choice(self.rare),
            *([topic.choice(FOREIGN)] if foreign else []),
        ]
        date = formatdate(EPOCH + number * 1500 + rng.randint(0, 1499))
        sender, to = rng.choice(self.addresses), rng.choice(self.addresses[:40])
        fields = [
            f"Return-Path: <{sender[1]}>",
            f"Received: from mx{rng.randint(1, 9)}.{rng.choice(DOMAINS)} ([192.0.2.{rng.randint(1, 254)}])\n"
            f"\tby mail.example.org (Postfix) with ESMTPS id {rng.getrandbits(40):X}; {date}",
            "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=k1;\n\th=From:To:Subject:Date;\n\tb="
            + base64.b64encode(self.noise[number % 9000 :][:192]).decode(),
            f"Date: {date}",
            f"From: {_encoded(sender[0])} <{sender[1]}>",
            f"To: {_encoded(to[0])} <{to[1]}>",
            f"Subject: {_encoded(('Re: ' if parent is not None else '') + ' '.join(words))}",
            f"Message-ID: {self._id(number)}",
        ]
        if parent is not None:
            fields += [f"In-Reply-To: {self._id(parent)}", f"References: {self._id(root)} {self._id(parent)}"]
        if rng.random() < 0.2:
            fields.append(f"List-Id: <dev.{rng.choice(DOMAINS)}>")
        return ("\n".join(fields) + "\nMIME-Version: 1.0\n").encode()

    def _text(self, rng: random.Random, size: int, foreign: bool) -> str:
        lines, length = [], 0
        while length < size:
            line = rng.choice(self.foreign if foreign and rng.random() < 0.5 else self.ascii)
            if rng.random() < 0.25:
                line += f" {rng.choice(self.rare)}{rng.randint(0, 9999)}"
            lines.append(line if rng.random() < 0.9 else line + "\n")
            length += len(line) + 1
        return "\n".join(lines) + "\n"

    def _html(self, rng: random.Random, text: str) -> str:
        style = "".join(
            f".c{n} {{ margin: {n}px; color: #{rng.getrandbits(24):06x}; font-family: sans-serif }}\n"
            for n in range(rng.randint(10, 80))
        )
        escaped = text.replace("&", "&amp;").replace("<", "&lt;")
        paragraphs = "".join(f'<p class="c{n % 9}">{p}</p>\n' for n, p in enumerate(escaped.split("\n\n")))
        return f"<html><head><style>\n{style}</style></head><body>\n{paragraphs}</body></html>\n"

    def _part(self, rng: random.Random, text: str, subtype: str) -> bytes:
        raw, encoding = text.encode(), "7bit"
        if not raw.isascii():
            encoding = rng.choice(("quoted-printable", "base64", "8bit"))
        elif subtype == "html":
            encoding = "quoted-printable"
        if encoding == "quoted-printable":
            raw = binascii.b2a_qp(raw)
        elif encoding == "base64":
            raw = base64.encodebytes(raw)
        head = f"Content-Type: text/{subtype}; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n"
        return head.encode() + raw

    def _multipart(self, rng: random.Random, kind: str, parts: list[bytes]) -> bytes:
        mark = f"=_{rng.getrandbits(80):020x}"
        body = b"".join(b"--%s\n%s\n" % (mark.encode(), part) for part in parts)
        return (
            f'Content-Type: multipart/{kind}; boundary="{mark}"\n\n'.encode()
            + body
            + f"--{mark}--\n".encode()
        )

    def _file(self, rng: random.Random) -> bytes:
        size = min(int(rng.lognormvariate(10.3, 1.3)), 5 << 20)
        offset = rng.randrange(len(self.noise) // 2)
        data = (self.noise[offset:] + self.noise)[:size]
        name = f"{rng.choice(self.rare)}.pdf"
        head = (
            "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n"
            f'Content-Disposition: attachment; filename="{name}"\n\n'
        )
        return head.encode() + base64.encodebytes(data)


def _encoded(text: str) -> str:
    """RFC 2047, as one short word or as it is."""
    if text.isascii():
        return f'"{text}"' if "'" in text else text
    return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="
