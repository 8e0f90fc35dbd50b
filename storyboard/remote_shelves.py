"""Where the files of a vault far away are: a folder, or whatever fsspec can reach.

A remote has the layout of a vault, so that a folder can be a remote and a vault at once. Nothing is ever written under
its final name in pieces. fsspec is imported only for URLs. May import what stands above `remote_shelves` in the layout.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, cast
from urllib.parse import unquote, urlsplit

from storyboard.durable import make_folder, place, scratch_name
from storyboard.errors import CommandError, RemoteError
from storyboard.regular import open_regular
from storyboard.vault_layout import Layout
from storyboard.vault_locks import in_use

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(//|:)")
_WHO: Final = re.compile(r"//[^/@]*@")
_PIECE: Final = 1 << 20
_AT_ONCE: Final = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "r2", "hf"})
"""Protocols of object stores, in which a file is there when it was written to its end, and not before."""


class Shelves(Protocol):
    """Files by their paths in a vault, such as `takes/ab/cd.json`. Anything but a missing file is a RemoteError."""

    def pieces(self, name: str) -> Iterator[bytes]:
        """Its bytes, in pieces of a megabyte. Raises FileNotFoundError."""
        ...

    def size(self, name: str) -> int | None:
        """In bytes; None where it is not there."""
        ...

    def put(self, name: str, file: Path) -> None:
        """Copy a file to that name; in place of what was there."""
        ...

    def names(self, folder: str) -> Iterator[str]:
        """Of all files in a folder and those below it."""
        ...

    def in_use(self) -> AbstractContextManager[None]:
        """While it is held, nothing is pruned there, where that can be."""
        ...


def shown_url(url: str) -> str:
    """The URL as it may be printed: without user name and password."""
    return _WHO.sub("//", url)


def shelves_at(url: str) -> Shelves:
    """The files at a URL, or in a folder. Raises CommandError where it cannot be known how to reach them."""
    if url.startswith("file://"):
        return _Folder(Path(unquote(urlsplit(url).path)))
    return _Far(url) if _URL.match(url) else _Folder(Path(url).expanduser())


@contextmanager
def _reaching(url: str) -> Iterator[None]:
    """Whatever a file system raises becomes a RemoteError, but for a file that is not there."""
    try:
        yield
    except (FileNotFoundError, RemoteError):
        raise
    except Exception as error:  # each backend has exceptions of its own
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        message = f"cannot reach the remote `{shown_url(url)}`: {shown_url(reason)}"
        raise RemoteError(message, "check the URL, the network, and what you are allowed to do there") from error


def _pieces(url: str, opened: Callable[[], BinaryIO]) -> Iterator[bytes]:
    """What is read is guarded, not what the caller does with it."""
    with _reaching(url):
        file = opened()
    try:
        while True:
            with _reaching(url):
                piece = file.read(_PIECE)
            if not piece:
                return
            yield piece
    finally:
        with suppress(Exception):
            file.close()


class _Folder:
    """A folder of this machine, or one that is mounted."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._layout = Layout(root)

    def pieces(self, name: str) -> Iterator[bytes]:
        return _pieces(str(self._root), lambda: open_regular(self._root / name))

    def size(self, name: str) -> int | None:
        with _reaching(str(self._root)):
            try:
                return (self._root / name).stat().st_size
            except FileNotFoundError:
                return None

    def put(self, name: str, file: Path) -> None:
        with _reaching(str(self._root)):
            final, aside = self._root / name, self._layout.tmp / scratch_name()
            make_folder(final.parent)
            make_folder(aside.parent)
            try:
                shutil.copyfile(file, aside)
                place(aside, final)
            finally:
                aside.unlink(missing_ok=True)

    def names(self, folder: str) -> Iterator[str]:
        with _reaching(str(self._root)):
            found = sorted((self._root / folder).rglob("*"))
        yield from (path.relative_to(self._root).as_posix() for path in found if path.is_file())

    def in_use(self) -> AbstractContextManager[None]:
        return in_use(self._layout)


class _Far:
    """What fsspec reaches by a URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        shown = shown_url(url)
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise CommandError(f"the remote `{shown}` needs fsspec", "pip install fsspec") from None
        try:
            fs, root = url_to_fs(url)
        except ImportError as error:
            hint = "pip install what it names, or name a folder"
            raise CommandError(f"the remote `{shown}` needs more than is installed: {error}", hint) from None
        except ValueError as error:
            hint = "name a folder, or a URL such as `s3://bucket/folder`"
            raise CommandError(f"the remote `{shown}` cannot be used: {error}", hint) from None
        except Exception as error:  # some reach out already
            with _reaching(url):
                raise error
        self._fs: AbstractFileSystem = fs
        self._root = str(root).rstrip("/")
        protocols = (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
        self._at_once = not _AT_ONCE.isdisjoint(protocols)

    def pieces(self, name: str) -> Iterator[bytes]:
        return _pieces(self._url, lambda: cast("BinaryIO", self._fs.open(f"{self._root}/{name}", "rb")))

    def size(self, name: str) -> int | None:
        with _reaching(self._url):
            try:
                return cast("int", self._fs.info(f"{self._root}/{name}")["size"])
            except FileNotFoundError:
                return None

    def put(self, name: str, file: Path) -> None:
        final = f"{self._root}/{name}"
        with _reaching(self._url):
            if self._at_once:
                self._fs.put_file(str(file), final)
                return
            aside = f"{self._root}/tmp/{scratch_name()}"
            for path in (aside, final):
                self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            try:
                self._fs.put_file(str(file), aside)
                self._fs.mv(aside, final)
            except BaseException:
                with suppress(Exception):
                    self._fs.rm_file(aside)
                raise

    def names(self, folder: str) -> Iterator[str]:
        with _reaching(self._url):
            try:
                found = sorted(self._fs.find(f"{self._root}/{folder}"))
            except FileNotFoundError:
                found = []
        yield from (path[len(self._root) + 1 :] for path in found)

    def in_use(self) -> AbstractContextManager[None]:
        return nullcontext()
