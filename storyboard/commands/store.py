"""The store of takes: `vault` and the verbs under it.

May import what stands above `commands.store` in the layout.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.commands import DONE, FAILED, Verb, no_arguments, say, vault_argument
from storyboard.errors import CommandError

if TYPE_CHECKING:
    from storyboard.remote import Moved


def _vault_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="|".join(_UNDER))
    for name, (verb, what) in _UNDER.items():
        sub = verbs.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
        sub.set_defaults(verb=verb)
        vault_argument(sub, "the store; the project's where left out")
        verb.arguments(sub)


def _vault(asked: argparse.Namespace) -> Path:
    from storyboard.project import find_root, vault_of

    return vault_of(find_root(Path.cwd() / "film.yaml"), asked.vault)


def _ls(asked: argparse.Namespace) -> int:
    from storyboard.report import columns
    from storyboard.vault import Vault

    rows = [
        (
            take.key[:12],
            str(take.slate.get("engine")),
            f"{take.width}x{take.height}",
            f"{len(take.frames)} frames",
            f"{take.size / 1e6:.1f} MB",
            str(take.slate.get("prompt", ""))[:60],
        )
        for take in Vault(_vault(asked)).takes()
    ]
    print("\n".join(columns(rows)) if rows else "no takes")
    return DONE


def _verify_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--heal", action="store_true", help="remove what is damaged, so that it is shot again")
    sub.add_argument("--deep", action="store_true", help="decode the frames of every take too")


def _verify(asked: argparse.Namespace) -> int:
    from storyboard.vault import Vault

    damages = Vault(_vault(asked)).verify(deep=asked.deep, heal=asked.heal)
    for damage in damages:
        print(damage)
    say(f"vault: {len(damages)} damaged{', removed' if asked.heal and damages else ''}" if damages else "vault: clean")
    return FAILED if damages and not asked.heal else DONE


def _prune_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--yes", action="store_true", help="really remove")
    what = "remove no more than needed to come down to this, such as 20GB; what was used last stays longest"
    sub.add_argument("--max-size", type=_bytes, metavar="SIZE", help=what)


def _bytes(text: str) -> int:
    """A size as people write it: `20GB`, `1.5 GiB`, `500000`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b?", text.strip(), re.IGNORECASE)
    if match is None:
        raise argparse.ArgumentTypeError(f"`{text}` is no size; write one such as `20GB`")
    step = 1024 if match[3] else 1000
    return int(Fraction(match[1]) * step ** (" kmgt".index((match[2] or " ").lower())))


def _prune(asked: argparse.Namespace) -> int:
    from storyboard.telling import counted
    from storyboard.vault import Vault

    pruned = Vault(_vault(asked)).prune(yes=asked.yes, most=asked.max_size)
    parts = {"take": pruned.takes, "segment": pruned.segments, "object": pruned.objects}
    parts |= {"refusal": pruned.refusals} if pruned.refusals else {}
    gone = ", ".join(counted(count, what) for what, count in parts.items())
    sizes = f"{pruned.bytes / 1e6:.1f} MB; {pruned.left / 1e6:.1f} MB stay"
    print(f"{'removed' if asked.yes else 'would remove'} {gone}, {sizes}")
    if asked.max_size is not None and pruned.left > asked.max_size:
        say("what films use is larger than that, and was left alone")
    if not asked.yes and pruned.bytes:
        say("nothing was removed; say `--yes` to remove it")
    return DONE


def _transfer_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("url", metavar="URL", help="a folder, or a URL such as s3://bucket/folder")
    what = "the films whose takes go; all that have a lock or a movie here where left out"
    sub.add_argument("screenplays", type=Path, nargs="*", metavar="film.yaml", help=what)
    sub.add_argument("--all", action="store_true", help="every take, whether a film uses it or not")


def _push_arguments(sub: argparse.ArgumentParser) -> None:
    _transfer_arguments(sub)
    sub.add_argument("--again", action="store_true", help="send what is there too, to mend what is damaged there")
    what = "write nothing, only say what would be sent; also where STORYBOARD_REMOTE_READ_ONLY is set"
    sub.add_argument("--read-only", action="store_true", help=what)


def _push(asked: argparse.Namespace) -> int:
    from storyboard.remote import Remote, only_read, push
    from storyboard.vault import Vault

    remote, dry = Remote(asked.url, tell=say), asked.read_only or only_read()
    moves = []
    for vault, used in _used(asked).items():
        keys = list(Vault(vault).keys()) if asked.all else used
        moves.append(push(Vault(vault), remote, keys, again=asked.again, dry=dry))
    code = _moved(chain(*moves), "would send" if dry else "sent")
    if dry:
        say("nothing was sent: the remote is only read here")
    return code


def _pull(asked: argparse.Namespace) -> int:
    from storyboard.remote import Remote, pull
    from storyboard.vault import Vault

    remote = Remote(asked.url, tell=say)
    moves = [pull(Vault(vault), remote, remote.keys() if asked.all else used) for vault, used in _used(asked).items()]
    return _moved(chain(*moves), "brought")


def _used(asked: argparse.Namespace) -> dict[Path, list[str]]:
    """Keys of the takes that the named films use, by the vault of each; where none is named, of all that are known."""
    from storyboard.project import places
    from storyboard.remote import film_keys
    from storyboard.vault import Vault

    found: dict[Path, set[str]] = {}
    for film in asked.screenplays or filter(None, map(_film_of, Path.cwd().glob("*.lock"))):
        where = places(film, vault=asked.vault)
        found.setdefault(where.vault, set()).update(film_keys(where))
    if not asked.screenplays:
        vault = _vault(asked)
        found.setdefault(vault, set()).update(Vault(vault).named())
    if not any(found.values()) and not asked.all:
        raise CommandError("no film here says which takes it uses", "name a rendered `film.yaml`, or say `--all`")
    return {vault: sorted(keys) for vault, keys in found.items()}


def _film_of(lock: Path) -> Path | None:
    return next((film for suffix in (".yaml", ".yml") if (film := lock.with_suffix(suffix)).exists()), None)


def _moved(moves: Iterable[Moved], did: str) -> int:
    """Tell of each take that could not go, and what became of all."""
    from storyboard.telling import counted

    takes = there = missing = size = 0
    for move in moves:
        if move.missing:
            missing += 1
            say(f"take {move.key[:12]}: missing")
        elif move.bytes:
            takes, size = takes + 1, size + move.bytes
        else:
            there += 1
    lost = f", {missing} missing" if missing else ""
    print(f"{did} {counted(takes, 'take')}, {size / 1e6:.1f} MB; {there} there already{lost}")
    return FAILED if missing else DONE


_UNDER: Final = {
    "ls": (Verb(_ls, no_arguments), "list the takes"),
    "verify": (Verb(_verify, _verify_arguments), "check every stored byte"),
    "prune": (Verb(_prune, _prune_arguments), "remove what no film uses; a dry run unless --yes"),
    "push": (Verb(_push, _push_arguments, works=True), "send what films use to a vault that machines share"),
    "pull": (Verb(_pull, _transfer_arguments, works=True), "bring what films use from a vault that machines share"),
}
VERBS: Final = {"vault": Verb(_ls, _vault_arguments)}
