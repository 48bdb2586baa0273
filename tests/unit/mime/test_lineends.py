from itertools import product

from mailcli.mime import lineends


def test_a_crlf_message_is_stored_with_lf_and_comes_back() -> None:
    stored, size = lineends.to_store(b"a: b\r\n\r\nc\r\n")
    assert (stored, size) == (b"a: b\n\nc\n", 11)
    assert lineends.to_wire(stored, size) == b"a: b\r\n\r\nc\r\n"


def test_mixed_ends_are_stored_exactly_as_they_came() -> None:
    for wire in (b"a\r\nb\n", b"a\nb\n", b"a\rb\r\n", b"\r", b"", b"no end"):
        assert lineends.to_store(wire) == (wire, len(wire))


def test_every_short_string_of_cr_lf_and_a_letter_comes_back() -> None:
    for length in range(9):
        for octets in product(b"\r\nx", repeat=length):
            wire = bytes(octets)
            assert lineends.to_wire(*lineends.to_store(wire)) == wire


def test_a_file_another_program_changed_still_goes_out_with_crlf() -> None:
    assert lineends.to_wire(b"a\r\nb\nc\n", 3) == b"a\r\nb\r\nc\r\n"
