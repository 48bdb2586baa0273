"""SASLprep (RFC 4013): the one form of a user name or password that SCRAM hashes."""

from __future__ import annotations

from mailcli.errors import AuthenticationFailed


def saslprep(text: str) -> str:
    """RFC 4013 of a query string: unassigned code points pass (RFC 3454 §7).

    Raises AuthenticationFailed for text that it prohibits.
    """
    if text.isascii() and text.isprintable():
        return text
    import stringprep  # only here: hardly anyone needs its tables
    import unicodedata

    mapped = "".join(
        " " if stringprep.in_table_c12(c) else "" if stringprep.in_table_b1(c) else c for c in text
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    prohibited = (
        stringprep.in_table_c12,
        stringprep.in_table_c21_c22,
        stringprep.in_table_c3,
        stringprep.in_table_c4,
        stringprep.in_table_c5,
        stringprep.in_table_c6,
        stringprep.in_table_c7,
        stringprep.in_table_c8,
        stringprep.in_table_c9,
    )
    if any(test(c) for c in prepared for test in prohibited):
        raise AuthenticationFailed(
            "the user name or password contains characters that SCRAM prohibits (RFC 4013)"
        )
    if any(stringprep.in_table_d1(c) for c in prepared) and (
        any(stringprep.in_table_d2(c) for c in prepared)
        or not stringprep.in_table_d1(prepared[0])
        or not stringprep.in_table_d1(prepared[-1])
    ):
        raise AuthenticationFailed(
            "the user name or password mixes writing directions as SCRAM prohibits (RFC 4013)"
        )
    return prepared
