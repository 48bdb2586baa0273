import struct
import time

from mailcli.mime import read, rtf, tnef
from tests.support.enclosed import attribute, multipart, packed_rtf, properties
from tests.support.enclosed import tnef as stream

RENDERING = attribute(2, 0x00069002, b"\0" * 14)
PLAIN = b"Content-Type: text/plain\n\nplain words"


def winmail(*attributes: bytes) -> bytes:
    return b"Content-Type: application/ms-tnef; name=winmail.dat\n\n" + stream(*attributes)


def message(*found: tuple[int, int, bytes]) -> bytes:
    return attribute(1, 0x00069003, properties(*found))


def test_a_file_has_its_long_name_and_its_type() -> None:
    found = tnef.read(
        stream(
            RENDERING,
            attribute(2, 0x00018010, b"REPORT~1.DOC\0"),
            attribute(2, 0x0006800F, b"content"),
            attribute(
                2,
                0x00069005,
                properties(
                    (0x1F, 0x3707, "Bericht ü.doc\0".encode("utf-16-le")), (0x1E, 0x370E, b"text/x\0")
                ),
            ),
        )
    )
    assert found.files == (tnef.File("Bericht ü.doc", b"content", "text/x"),)


def test_the_text_is_read_where_nothing_else_says_anything() -> None:
    text = winmail(message((0x1E, 0x1000, b"inner words\r\nmore\0")))
    assert read.reading(multipart("mixed", text)).text == "inner words\nmore"
    assert read.reading(multipart("mixed", PLAIN, text)).text == "plain words"
    assert read.content(multipart("mixed", text)).text == "inner words\nmore"


def test_the_html_is_read_where_there_is_no_text() -> None:
    data = multipart("mixed", winmail(message((0x102, 0x1013, b"<p>rich <b>words</b></p>"))))
    assert read.reading(data).text == "rich words"


def test_packed_rtf_becomes_text() -> None:
    source = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator x;}\pard gr\'fc\'dfe \u8364?\tab x\par"
        rb" next \{line\}\line\u55357?\u56832?{\pict 0102}}"
    )
    assert rtf.read(packed_rtf(source)) == ("grüße €\tx\nnext {line}\n😀", "")


def test_html_inside_rtf_is_taken_out_again() -> None:
    source = (
        rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\b \htmlrtf0 words{\*\htmltag72 </p>}"
        rb"\htmlrtf }\htmlrtf0}"
    )
    assert rtf.read(packed_rtf(source)) == ("", "<p>words</p>")


def test_back_references_reach_into_the_dictionary_and_over_themselves() -> None:
    # "{\rtf1" is the dictionary's beginning (0, 6 octets); then "ab" and eight octets from two before
    at = 207 + 6
    runs = bytes([0b1001]) + struct.pack(">H", 0 << 4 | 4) + b"ab" + struct.pack(">H", at << 4 | 6)
    packed = struct.pack("<II4sI", len(runs) + 12, 16, b"LZFu", 0) + runs
    assert rtf.unpack(packed) == b"{\\rtf1" + b"ab" * 5


def test_rtf_built_to_be_big_is_cut() -> None:
    assert len(rtf.unpack(packed_rtf(b"x" * 2_100_000))) == 2_000_000
    stored = struct.pack("<II4sI", 0, 1 << 31, b"MELA", 0) + b"x" * 3_000_000
    assert len(rtf.unpack(stored)) == 2_000_000


def test_broken_streams_give_what_came_before_the_break() -> None:
    whole = stream(
        RENDERING,
        attribute(2, 0x00018010, b"a\0"),
        attribute(2, 0x0006800F, b"x"),
        message((0x1E, 0x1000, b"t\0")),
    )
    for end in range(len(whole)):
        tnef.read(whole[:end])
    assert tnef.read(whole[:-3]).files == (tnef.File("a", b"x"),)
    assert tnef.read(whole[:-3]).text == ""
    short = struct.pack("<IHHII", 1, 0x1E, 0x1000, 1, 100) + b"abc\0"
    assert tnef.read(stream(attribute(1, 0x00069003, short))).text == ""
    assert tnef.read(b"no such thing") == tnef.Tnef()


def test_counts_that_lie_cost_nothing() -> None:
    begun = time.process_time()
    lie = struct.pack("<IHHI", 0xFFFFFFFF, 0x101E, 0x1000, 0xFFFFFFFF)
    assert tnef.read(stream(attribute(1, 0x00069003, lie))) == tnef.Tnef()
    named = struct.pack("<IHH", 5, 0x1E, 0x8001) + b"\0" * 16 + struct.pack("<II", 1, 0xFFFFFFFF)
    assert tnef.read(stream(attribute(1, 0x00069003, named))) == tnef.Tnef()
    assert time.process_time() - begun < 1
