"""The mail that lies in the world's mailboxes at the beginning: every kind a reader meets.

All of it is invented; the people, shops and lists exist only here.
"""

from __future__ import annotations

import email.utils
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from email.policy import SMTP

from mailcli.demo.enclosures import BOBS_MAIL, INVITATION, NEWSLETTER, PATCH, PDF, PIXEL
from mailcli.model.record import NamedTuple

DOMAIN = "valley.example"
ALICE = f"Alice Ng <alice@{DOMAIN}>"
BOB = f"Bob Baumann <bob@{DOMAIN}>"
CARLA = f"Carla Núñez <carla@{DOMAIN}>"
DMITRI = "Дмитрий Соколов <dmitri@ridge.example>"
HIKERS = f"hikers@lists.{DOMAIN}"


class Letter(NamedTuple):
    """`date` is when it arrived; `data` has CRLF line ends; `flags` are IMAP names."""

    owner: str
    folder: str
    flags: tuple[str, ...]
    date: float
    data: bytes


SEEN = ("\\Seen",)
UNREAD: tuple[str, ...] = ()


def message(
    sender: str,
    to: str,
    subject: str,
    text: str,
    *,
    name: str,
    date: float,
    answers: Sequence[str] = (),
    charset: str = "utf-8",
    **headers: str,
) -> EmailMessage:
    """`name` becomes the Message-ID; `answers` are the names above it in its thread, root first."""
    made = EmailMessage(policy=SMTP.clone(max_line_length=78))
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Date"] = email.utils.formatdate(date, localtime=False)
    made["Message-ID"] = _id(name)
    if answers:
        made["In-Reply-To"] = _id(answers[-1])
        made["References"] = " ".join(map(_id, answers))
    for field, value in headers.items():
        made[field.replace("_", "-")] = value
    made.set_content(text, charset=charset)
    return made


def _id(name: str) -> str:
    return f"<{name}@{DOMAIN}>"


def put(made: EmailMessage, flags: tuple[str, ...] = UNREAD, folder: str = "INBOX") -> Letter:
    date = email.utils.parsedate_to_datetime(made["Date"]).timestamp()
    owner = "bob" if made["To"] == BOB else "alice"
    return Letter(owner, folder, flags, date, made.as_bytes())


def letters(now: float) -> Iterator[Letter]:
    """All letters, oldest first within each mailbox; the newest arrived an hour before `now`."""
    hour, day = 3600.0, 86400.0

    yield put(
        message(
            "Ridge Outfitters <orders@ridge.example>",
            ALICE,
            "Your order 4711: one headlamp",
            'Thank you! It leaves our hut tomorrow.\n\n1 x headlamp "Firefly"   39.00\n',
            name="order-4711",
            date=now - 90 * day,
        ),
        SEEN,
        "Archive",
    )
    warranty = message(
        "Ridge Outfitters <orders@ridge.example>",
        ALICE,
        "Warranty card for your headlamp",
        "The card is attached. Keep it dry.\n",
        name="warranty",
        date=now - 88 * day,
    )
    warranty.add_attachment(PDF, maintype="application", subtype="pdf", filename="warranty card.pdf")
    yield put(warranty, SEEN, "Archive")
    yield put(
        message(
            DMITRI,
            ALICE,
            "Карта перевала",
            "Привет, Алиса!\n\nКарту перевала я нашёл в старом ящике. Привезу в субботу.\n\nДмитрий\n",
            name="pass-map",
            date=now - 40 * day,
            charset="koi8-r",
        ),
        SEEN,
        "Archive",
    )
    yield from _hike(now)
    yield from _work(now)
    yield from _lists(now)
    yield from _traps(now)
    for number, (sender, subject, text, age) in enumerate(BOBS_MAIL):
        made = message(sender, BOB, subject, text, name=f"bob-{number}", date=now - age * hour)
        yield put(made)


def _hike(now: float) -> Iterator[Letter]:
    day = 86400.0
    first = message(
        CARLA,
        ALICE,
        "Autumn hike: which trail?",
        "Hi all,\n\nthe weather will hold until Sunday. Mill trail or ridge trail?\n\nCarla\n",
        name="hike-1",
        date=now - 6 * day,
        Cc=f"{BOB}, {DMITRI}",
    )
    yield put(first, ("\\Seen", "\\Answered"))
    yield put(
        message(
            ALICE,
            CARLA,
            "Re: Autumn hike: which trail?",
            "> Mill trail or ridge trail?\n\nThe ridge, if the bridge is open.\n\nAlice\n",
            name="hike-2",
            answers=("hike-1",),
            date=now - 5.5 * day,
            Cc=f"{BOB}, {DMITRI}",
        ),
        SEEN,
        "Sent",
    )
    yield put(
        message(
            DMITRI,
            ALICE,
            "Re: Autumn hike: which trail?",
            "> The ridge, if the bridge is open.\n\nIt is open since yesterday. I bring tea for four.\n",
            name="hike-3",
            answers=("hike-1", "hike-2"),
            date=now - 5 * day,
        ),
        SEEN,
    )
    photo = message(
        CARLA,
        ALICE,
        "Re: Autumn hike: which trail?",
        "Ridge it is. The view from last year:\n",
        name="hike-4",
        answers=("hike-1", "hike-2", "hike-3"),
        date=now - 4 * day,
    )
    photo.add_alternative(
        '<p>Ridge it is. The view from last year:</p><p><img src="cid:view" alt="the view"></p>',
        subtype="html",
    )
    html = photo.get_payload()[1]  # type: ignore[index]
    html.add_related(PIXEL, maintype="image", subtype="png", cid="<view>", filename="view.png")  # type: ignore[union-attr]
    yield put(photo, ("\\Flagged",))
    invitation = message(
        CARLA,
        ALICE,
        "Invitation: Maps and soup",
        "Let us plan over soup. Saturday at 19:00, my kitchen.\n",
        name="invitation",
        date=now - 3 * day,
    )
    invitation.add_alternative(INVITATION.encode(), "text", "calendar", params={"method": "REQUEST"})
    yield put(invitation)


def _work(now: float) -> Iterator[Letter]:
    hour, day = 3600.0, 86400.0
    invoice = message(
        "Lumen Power <billing@lumen.example>",
        ALICE,
        "Invoice 2026-117",
        "Dear customer,\n\nyour invoice for October is attached: 48.20, due on the 30th.\n\nLumen Power\n",
        name="invoice-117",
        date=now - 2.5 * day,
    )
    invoice.add_attachment(PDF, maintype="application", subtype="pdf", filename="invoice-2026-117.pdf")
    yield put(invoice, ("\\Flagged", "\\Seen"))
    yield put(
        message(
            "Jürgen Groß <juergen@werkstatt.example>",
            ALICE,
            "Größenänderung für die Wanderschuhe",
            "Hallo Alice,\n\nGröße 39½ ist da. Schöne Grüße aus der Werkstatt!\n\nJürgen\n",
            name="shoes",
            date=now - 2.2 * day,
            charset="iso-8859-1",
        ),
        SEEN,
    )
    yield put(
        message(
            "田中 太郎 <tanaka@fuji.example>",
            ALICE,
            "会議の資料について",
            "アリスさん\n\nお世話になっております。来週の会議の資料をお送りします。\n\n田中\n",
            name="meeting",
            date=now - 2 * day,
            charset="iso-2022-jp",
        )
    )
    original = message(
        "Lumen Power <billing@lumen.example>",
        f"Carla <carla@{DOMAIN}>",
        "Power cut on Friday",
        "From 9 to 10 there will be no power in Mill Lane.\n",
        name="power-cut",
        date=now - 2 * day,
    )
    forward = message(
        CARLA,
        ALICE,
        "Fwd: Power cut on Friday",
        "You asked what this was about.\n",
        name="forward",
        date=now - 1.8 * day,
    )
    forward.add_attachment(original)
    yield put(forward)
    yield put(
        message(
            f"Mail Delivery System <postmaster@{DOMAIN}>",
            ALICE,
            "Undelivered Mail Returned to Sender",
            "Your message to yeti@ridge.example could not be delivered:\n550 5.1.1 nobody has seen him\n",
            name="bounce",
            date=now - 1.5 * day,
            Auto_Submitted="auto-replied",
        )
    )
    yield put(
        message(
            f"Builder <ci@{DOMAIN}>",
            ALICE,
            "build 812 failed: trail-counter",
            "test_cairns ... FAILED (expected 0, got 1)\n\n1 failed, 211 passed in 3.20 s\n",
            name="build-812",
            date=now - 30 * hour,
            Auto_Submitted="auto-generated",
        )
    )


def _lists(now: float) -> Iterator[Letter]:
    hour = 3600.0
    listed = {"List_Id": f"Hikers of the valley <hikers.lists.{DOMAIN}>", "Precedence": "list"}
    sent = {"Cc": ALICE, **listed}
    yield put(
        message(
            CARLA,
            HIKERS,
            "[PATCH 1/2] trail: count cairns from zero",
            PATCH,
            name="patch-1",
            date=now - 28 * hour,
            **sent,
        )
    )
    yield put(
        message(
            DMITRI,
            HIKERS,
            "Re: [PATCH 1/2] trail: count cairns from zero",
            "> +\tint n = 0;\n\nRight. That is what broke build 812.\n\nReviewed-by: Dmitri\n",
            name="patch-2",
            answers=("patch-1",),
            date=now - 26 * hour,
            **sent,
        )
    )
    newsletter = message(
        "The Valley Weekly <news@weekly.valley.example>",
        ALICE,
        "🥐 Bakery open on Sundays · Bridge repaired",
        "",
        name="weekly-46",
        date=now - 20 * hour,
        List_Id="The Valley Weekly <weekly.valley.example>",
        List_Unsubscribe="<https://weekly.valley.example/leave?17>, <mailto:leave@weekly.valley.example>",
        List_Unsubscribe_Post="List-Unsubscribe=One-Click",
    )
    newsletter.set_content(NEWSLETTER, subtype="html")
    yield put(newsletter)


def _traps(now: float) -> Iterator[Letter]:
    hour = 3600.0
    yield put(
        message(
            # the first letter of the domain is Cyrillic
            '"Lumen Power Billing" <billing@\u0406umen.example>',
            ALICE,
            "Your account is locked \u202etxet\u202c now",
            "Click http://lumen.example.attacker.example/login at once!\n",
            name="phish",
            date=now - 10 * hour,
        ),
        UNREAD,
        "Spam",
    )
    trick = message(
        "Prize Office <win@prizes.example>",
        ALICE,
        "You won",
        "Open the picture!\n",
        name="trick",
        date=now - 9 * hour,
    )
    trick.add_attachment(b"#!/bin/sh\n", "application", "octet-stream", filename="picture\u202egnp.sh")
    data = trick.as_bytes().replace(b"Subject: You won", b"Subject: =?utf-8?q?=1B[2J=1B]0;owned=07You_won?=")
    yield Letter("alice", "Spam", UNREAD, now - 9 * hour, data)
    yield put(
        message(
            CARLA,
            ALICE,
            "Lunch?",
            "In an hour at the bakery?\n\n-- \nCarla\n",
            name="lunch",
            date=now - 1 * hour,
        )
    )
