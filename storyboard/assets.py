"""A file that a screenplay names -> where it is, or why it cannot be there.

May import what stands above `assets` in the layout.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path, PureWindowsPath
from typing import Final

from storyboard.errors import Fault
from storyboard.wording import nearest, quoted

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|data:")
_INSIDE: Final = "paths begin at the screenplay's folder and stay in it"
_OUTSIDE: Final = f"{_INSIDE}, unless `--allow-outside` is said"


def find_asset(folder: Path, name: str, *, outside: bool = False) -> Path | Fault:
    """Where a file that the screenplay names is, links resolved; a fault without a place where it cannot be, which is
    anywhere but in `folder` unless it may lie `outside`."""
    if not name.strip():
        return Fault((), "no file is named", "name a file beside the screenplay")
    if _URL.match(name):
        return Fault((), f"{quoted(name)} is an address, not a file", "copy it beside the screenplay")
    absolute, anchored = Path(name).is_absolute(), bool(PureWindowsPath(name).anchor)
    if name.startswith("~") or (absolute and not outside) or (anchored and not absolute):
        return Fault((), f"{quoted(name)} is no path inside the screenplay's folder", _OUTSIDE)
    try:
        path = (folder / name).resolve()
        if not outside and not path.is_relative_to(folder.resolve()):
            return Fault((), f"{quoted(name)} is outside the screenplay's folder", _OUTSIDE)
        if path.is_dir():
            return Fault((), f"{quoted(name)} is a folder", "name a file in it")
        if not path.exists():
            return Fault((), f"there is no file {quoted(name)}", _neighbour(folder / name) or _INSIDE)
        if not path.is_file():
            return Fault((), f"{quoted(name)} is no regular file", _INSIDE)
        path.open("rb").close()
    except (OSError, RuntimeError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is no possible path"
        return Fault((), f"cannot read {quoted(name)}: {reason}", "check the path and its permissions")
    return path


def _neighbour(path: Path) -> str | None:
    """A hint at a file of nearly that name in the same folder."""
    if not path.parent.is_dir():
        return None
    names = [other.name for other in islice(path.parent.iterdir(), 1000)]
    return nearest(path.name, sorted(names))
