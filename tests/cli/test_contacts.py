"""`contact`: the address book, and whom mail was exchanged with."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.mime import vcard
from mailcli.model.address import Address
from tests.cli.schemas import Mail, data

CARDS = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Ng;Ann;;;\r\nEMAIL;TYPE=INTERNET:ann@a.example\r\nitem1.EMAIL:ann@b.example\r\n"
    "END:VCARD\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nFN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:J=C3=BCr=\r\ngen\r\n"
    "EMAIL:j@c.example\r\nEND:VCARD\r\nBEGIN:VCARD\r\nVERSION:4.0\r\nFN:Long\\, Folded \r\n Name\r\n"
    "EMAIL;PREF=1:l@d.example\r\nEND:VCARD\r\n"
)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        (
            "c.vcf",
            CARDS,
            ["Ann Ng <ann@a.example>", "Ann Ng <ann@b.example>", "Jürgen <j@c.example>",
             "Long, Folded Name <l@d.example>"],
        ),
        ("g.csv", "First Name,Last Name,E-mail 1 - Value\nCara,Ode,c@e.example ::: d@e.example\n",
         ["Cara Ode <c@e.example>", "Cara Ode <d@e.example>"]),
        ("o.csv", "\ufeffName;E-mail Address\nDan;dan@f.example\n", ["Dan <dan@f.example>"]),
        ("aliases", "alias eve Eve E <eve@g.example> # x\nalias t a@h.example, b@h.example\n",
         ["Eve E <eve@g.example>", "a@h.example", "b@h.example"]),
    ],
)  # fmt: skip
def test_contacts_come_from_what_other_programs_write(
    mail: Mail, tmp_path: Path, name: str, text: str, found: list[str]
) -> None:
    path = tmp_path / name
    path.write_text(text)
    added = data(mail("contact", "import", str(path), "--json"))
    assert [f"{a['name']} <{a['email']}>" if a["name"] else a["email"] for a in added] == found
    assert data(mail("contact", "import", str(path), "--json")) == [], "what is there is passed over"


def test_what_is_no_contact_is_told(mail: Mail, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("email\nfine@i.example\nnonsense\n")
    done = mail("contact", "import", str(path))
    assert done.code == 1 and "'nonsense' is not an address" in done.err and "fine@i.example" in done.out
    path.write_text("nothing here\n")
    assert mail("contact", "import", str(path)).code == 65
    assert mail("contact", "import", "/proc/nonexistent").code == 66
    for bad in ("x", "a@b.example\nc", "Ann\r <a@b.example>", "a\0@b.example"):
        assert mail("contact", "add", bad).code == 65, bad


def test_the_book_is_a_directory_of_vcards(mail: Mail, home: Path) -> None:
    assert mail("contact", "add", '"Zoë, Q; o/" <zoe@k.example>').code == 0
    (row,) = data(mail("contact", "list", "ZOE@k", "--json"))
    assert (row["email"], row["book"], row["written"]) == ("zoe@k.example", True, 0)
    cards = [p.read_text() for p in (home / "data" / "contacts").glob("*.vcf")]
    assert any("EMAIL:zoe@k.example" in card and "VERSION:4.0" in card for card in cards)


def test_those_one_writes_to_come_first_in_lists_and_completion(mail: Mail) -> None:
    assert mail("contact", "add", "Bart <bart@k.example>").code == 0
    for n in range(2):
        assert mail("send", "-s", f"c{n}", "bob@valley.example", stdin=b"x\n").code == 0
    rows = data(mail("contact", "list", "--json"))
    emails = [row["email"] for row in rows]
    assert emails.index("bart@k.example") < len(emails)
    offered = [line.split("\t")[0] for line in mail("__complete", "addresses", "b").out.splitlines()]
    assert "bart@k.example" in offered
    assert "alice@valley.example" not in emails, "oneself is no contact"


def test_a_card_comes_back() -> None:
    for name in ("Ann", "O'Hara; Jr, \\ x", "ü" * 90):
        made = vcard.card(Address(name, "a@b.example"), "1")
        assert vcard.addresses(made) == [Address(name, "a@b.example")]
        assert max(len(line.encode()) for line in made.split("\r\n")) <= 75
