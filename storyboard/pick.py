"""The choice of a take -> `take: N` in the screenplay's text, every other byte of which stays as it is.

The screenplay is not written anew (see `rewrite`). May import what stands above `pick` in the layout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from storyboard.errors import CommandError
from storyboard.limits import Limits
from storyboard.rewrite import with_fields, write
from storyboard.screenplay import Screenplay, loads
from storyboard.source import read_text

_MOST_TAKE: Final = 10**9


def pick(path: Path, scene: str, take: int, *, limits: Limits | None = None) -> bool:
    """Make `take` the take of a scene in the screenplay at `path`; whether its text had to change for that.

    Written durably, through links, with the file's permissions; `limits` are as for `load`. Raises ScreenplayError
    where the screenplay has faults, CommandError where there is no such scene, where it has no takes, or where the file
    cannot be written.
    """
    text = read_text(path)
    screenplay = loads(text, str(path), path.parent, limits=limits)
    index = index_of_shot_scene(screenplay, scene)
    if not 1 <= take <= _MOST_TAKE:
        raise CommandError(f"there is no take {take}", "takes are numbered from 1")
    if screenplay.scenes[index].take == take:
        return False
    if screenplay.scenes[index].hold:
        raise CommandError(f"scene `{scene}` is on hold", "take `hold` out first: another take is another scene")
    write(path, with_fields(screenplay.source, {("scenes", index): {"take": take}}), text)
    return True


def index_of_shot_scene(screenplay: Screenplay, scene: str) -> int:
    """The place of a scene that an engine shoots. Raises CommandError where it is not there, or has no takes."""
    ids = [each.id for each in screenplay.scenes]
    if scene not in ids:
        names = ", ".join(f"`{each}`" for each in ids[:10])
        raise CommandError(f"there is no scene `{scene}` in `{screenplay.source.name}`", f"its scenes are {names}")
    index = ids.index(scene)
    found = screenplay.scenes[index]
    if found.card or found.footage:
        what = "a title card" if found.card else "own footage"
        raise CommandError(f"scene `{scene}` is {what}, which has no takes", "name a scene that has a prompt")
    return index
