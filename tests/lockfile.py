"""Writes requirements.lock from what pip reports of an installation, one report for each Python that it is for:

    pip install --dry-run --ignore-installed --no-deps --only-binary=:all: --python-version 3.12 --platform ... \\
        --target anywhere --report 3.12.json -r pins.txt
    python -m tests.lockfile 3.11.json 3.12.json 3.13.json

torch is left out: which of its builds is the right one depends on the machine.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

PATH: Final = Path(__file__).parent.parent / "requirements.lock"
_HEAD: Final = """\
# All that the core needs but torch, on Linux x86-64 with CPython 3.11, 3.12 and 3.13; each file by its digest.
#
#     pip install --constraint constraints.txt torch
#     pip install --no-deps --require-hashes -r requirements.lock
#     pip install --no-deps .
#
# torch is installed first, by itself: which of its builds is the right one depends on the machine.

"""


def lock_text(reports: Iterable[Path]) -> str:
    """The lock of all packages in pip's reports, sorted. The reports must agree on versions."""
    found: dict[str, tuple[str, set[str]]] = {}
    for report in reports:
        for item in json.loads(report.read_text())["install"]:
            name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
            version, hashes = found.setdefault(name, (item["metadata"]["version"], set()))
            assert version == item["metadata"]["version"], name
            hashes.add(item["download_info"]["archive_info"]["hashes"]["sha256"])
    found.pop("torch", None)
    rows = (
        " \\\n    ".join([f"{name}=={version}", *(f"--hash=sha256:{each}" for each in sorted(hashes))])
        for name, (version, hashes) in sorted(found.items())
    )
    return _HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PATH.write_text(lock_text(map(Path, sys.argv[1:])))
