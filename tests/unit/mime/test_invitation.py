import pytest

from mailcli.mime import invitation


def event(*lines: str, method: str = "REQUEST") -> str:
    return "\n".join(
        [
            "BEGIN:VCALENDAR",
            f"METHOD:{method}",
            "BEGIN:VEVENT",
            "SUMMARY:Lunch",
            *lines,
            "END:VEVENT",
            "END:VCALENDAR",
        ]
    )


@pytest.mark.parametrize(
    ("lines", "when"),
    [
        (("DTSTART:20260102T120000Z", "DTEND:20260102T130000Z"), "2026-01-02 12:00 to 13:00 (UTC)"),
        (
            ("DTSTART;TZID=Europe/Berlin:20260102T230000", "DTEND;TZID=Europe/Berlin:20260103T010000"),
            "2026-01-02 23:00 to 2026-01-03 01:00 (Europe/Berlin)",
        ),
        (
            ("DTSTART;TZID=Asia/Tokyo:20260102T230000", "DTEND:20260102T150000Z"),
            "2026-01-02 23:00 (Asia/Tokyo) to 15:00 (UTC)",
        ),
        (("DTSTART;VALUE=DATE:20260102", "DTEND;VALUE=DATE:20260103"), "2026-01-02"),
        (("DTSTART;VALUE=DATE:20260102", "DTEND;VALUE=DATE:20260105"), "2026-01-02 to 2026-01-04"),
        (("DTSTART:20260102T120000", "DURATION:PT1H30M"), "2026-01-02 12:00 for 1 hour 30 minutes"),
        (
            ("DTSTART:20260102T120000Z", "RRULE:FREQ=WEEKLY;INTERVAL=2"),
            "2026-01-02 12:00 (UTC), every 2 weeks",
        ),
        (("DTSTART:some day",), "some day"),
    ],
)
def test_the_time_is_said_with_its_zone(lines: tuple[str, ...], when: str) -> None:
    assert invitation.told(event(*lines)).split("\n")[1] == f"When: {when}"


@pytest.mark.parametrize(
    ("status", "said"), [("ACCEPTED", "accepts"), ("DECLINED", "declines"), ("TENTATIVE", "may come")]
)
def test_an_answer_says_who_comes(status: str, said: str) -> None:
    text = invitation.told(
        event(f"ATTENDEE;CN=Ann;PARTSTAT={status}:mailto:a@b.c", "COMMENT:Late", method="REPLY")
    )
    assert text == f"Answer to an invitation: Lunch\nAnn <a@b.c> {said}\nComment: Late"


def test_a_cancelled_event_says_so() -> None:
    assert invitation.told(event("STATUS:CANCELLED")) == "Cancelled: Lunch"
    assert invitation.told(event(method="CANCEL")) == "Cancelled: Lunch"


def test_those_invited_are_named_and_counted() -> None:
    people = [f"ATTENDEE:mailto:p{n}@x.org" for n in range(12)]
    line = invitation.told(event(*people)).split("\n")[-1]
    assert line.startswith("With: p0@x.org, p1@x.org") and line.endswith("p9@x.org and 2 more")


def test_the_description_follows_where_the_mail_has_no_other_text() -> None:
    text = event("DESCRIPTION:Bring\\, please:\\nforks")
    assert invitation.told(text, whole=True).endswith("\n\nBring, please:\nforks")
    assert "forks" not in invitation.told(text)


def test_what_is_no_calendar_says_nothing() -> None:
    assert invitation.told("BEGIN:VCALENDAR\nEND:VCALENDAR") == ""
