"""The command line: one verb, one call of the library.

Data goes to stdout, everything else to stderr. Exit codes: 0 done; 1 some shot failed, or the film could not be made;
2 the screenplay or the command is wrong; 130 and 143 interrupted. Each verb imports only what it needs.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn, TextIO, cast

from storyboard.commands import DONE, FAILED, WRONG, Verb, complain, say
from storyboard.errors import CommandError, ScreenplayError, StoryboardError

INTERRUPTED: Final = 130
TERMINATED: Final = 143


class Terminated(BaseException):
    """SIGTERM, raised like an interrupt so that everything is put in order on the way out."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    # No plugin of somebody's has a say in how screenplays are validated; looking for some takes a while, too.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(200_000, 20, 20)  # a start makes many objects and no garbage
    words = sys.argv[1:] if arguments is None else list(arguments)
    parsed = _parser(words[0] if words else None).parse_args(words)
    verb: Verb = parsed.verb
    signal.signal(signal.SIGTERM, _terminate)
    try:
        _open_streams()
        code = verb.run(parsed)
        sys.stdout.flush()
        return code
    except StoryboardError as error:
        complain(error)
        return WRONG if isinstance(error, CommandError | ScreenplayError) else FAILED
    except KeyboardInterrupt:
        say("interrupted; finished takes are kept, and the next render goes on from there")
        return INTERRUPTED
    except Terminated:
        say("terminated; finished takes are kept, and the next render goes on from there")
        return TERMINATED
    except BrokenPipeError:  # whoever read our output has read enough
        _silence(sys.stdout, sys.stderr)
        return FAILED if verb.works else DONE
    except OSError as error:  # most likely our output goes to a disk that is full
        where = f": `{error.filename}`" if error.filename else ""
        with suppress(OSError):
            complain(StoryboardError(f"the system gave up: {error.strerror or error}{where}"))
        _silence(sys.stdout, sys.stderr)
        return FAILED


def _silence(*streams: TextIO) -> None:
    """What is left to say, and cannot be said, goes nowhere."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            try:
                stream.flush()
            except OSError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def _open_streams() -> None:
    """Where a stream is closed, what is said there goes nowhere; what it cannot show is spelled out."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """The parser. Only the chosen verb's module is read, for its arguments; help lists all verbs by name."""
    parser = argparse.ArgumentParser(prog="storyboard", description="Turns a written screenplay into a film.")
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    for name, (module, what) in MODULES.items():
        sub = verbs.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
        if name == chosen:
            verb = cast("Mapping[str, Verb]", import_module(f"storyboard.commands.{module}").VERBS)[name]
            sub.set_defaults(verb=verb)
            verb.arguments(sub)
    return parser


class _ShowVersion(argparse.Action):
    """Looks the version up only when asked."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        from importlib.metadata import version

        print(f"storyboard {version('storyboard')}")
        parser.exit()


MODULES: Final = {
    "init": ("film", "write a commented screenplay that renders"),
    "check": ("film", "show all faults of a screenplay, with lines; render nothing"),
    "plan": ("film", "show what would be shot, why, and how long it would take"),
    "render": ("film", "render the film; only what changed is shot again"),
    "watch": ("watching", "render on every save; what is being shot goes on, unless it changed"),
    "takes": ("choice", "shoot alternatives of a scene, and show them beside each other"),
    "pick": ("choice", "put a take of a scene into the screenplay"),
    "export": ("exchange", "write a timeline for editors, with its media, or captions"),
    "import": ("exchange", "put trims, order and transitions of a timeline that came back into the screenplay"),
    "engines": ("facts", "show what engines there are, what one can do, and whether it runs here"),
    "schema": ("facts", "print the JSON Schema of screenplays"),
    "dailies": ("looking", "make the page and contact sheet on which to look at what was shot, with measures"),
    "blame": ("facts", "show what a moment of a movie was made from, from the movie alone"),
    "vault": ("store", "look at the store of takes, check it, make room in it, and share it"),
}
"""Each verb's module among `commands`, and what it does."""
