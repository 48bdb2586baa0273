from mailcli.app.context import Progress
from mailcli.cli import progress
from mailcli.cli.progress import Pace, describe, duration, line

STEP = Progress("work", "INBOX", 1234, 10_000, 45_000_000, 400_000_000)


def test_a_line_says_how_much_came_how_fast_and_how_long_it_will_take() -> None:
    assert line([(STEP, 8_100_000.0)], 79) == "INBOX 1,234/10,000  45.0 MB  8.1 MB/s  0:44 left"


def test_several_accounts_are_told_apart() -> None:
    other = STEP._replace(account="home", phase="Lists")
    assert line([(STEP, 0.0), (other, 0.0)], 79) == (
        "work INBOX 1,234/10,000  45.0 MB · home Lists 1,234/10,000  45.0 MB"
    )


def test_a_narrow_terminal_leaves_out_what_is_least_wanted() -> None:
    shown = [line([(STEP, 8_100_000.0)], width) for width in (48, 47, 39, 30, 20, 10)]
    assert shown == [
        "INBOX 1,234/10,000  45.0 MB  8.1 MB/s  0:44 left",
        "INBOX 1,234/10,000  45.0 MB  0:44 left",
        "INBOX 1,234/10,000  45.0 MB  0:44 left",
        "INBOX 1,234/10,000  0:44 left",
        "INBOX 1,234/10,000",
        "INBOX 1,2…",
    ]


def test_without_totals_there_is_only_a_count() -> None:
    assert describe(Progress("", "index", 20, None, 0)) == "index 20"


def test_times_read_like_a_clock() -> None:
    assert [duration(s) for s in (0, 42.4, 61, 4050)] == ["0:00", "0:42", "1:01", "1:07:30"]


def test_the_rate_is_that_of_the_last_seconds() -> None:
    pace = Pace()
    assert pace.rate == 0.0
    for second in range(60):  # 1 MB/s for half a minute, then 3
        pace.note(second * 1_000_000 if second < 30 else 30_000_000 + (second - 30) * 3_000_000, second)
    assert pace.rate == 3_000_000
    assert progress.size(int(pace.rate)) == "3.0 MB"


def test_a_new_task_begins_its_rate_anew() -> None:
    pace = Pace()
    pace.note(0, 0.0)
    pace.note(50_000_000, 1.0)
    pace.note(1_000, 2.0)
    assert pace.rate == 0.0
