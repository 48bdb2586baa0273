"""Coverage-guided fuzzing of the MIME reader, by hand:

    pip install atheris
    python -m tests.fuzz.mime -max_total_time=600 /tmp/mime-findings DIRECTORY_OF_MAIL

Atheris is no dependency of the tests: it has no wheels for all platforms. What it finds becomes a line in
`tests/property/test_mime_read.py`.
"""

from __future__ import annotations

import sys


def main() -> None:
    try:
        import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        sys.exit("atheris is not installed: pip install atheris")
    with atheris.instrument_imports():
        from tests.support import mime_law

    atheris.Setup(sys.argv, lambda data: mime_law.hold(bytes(data)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
