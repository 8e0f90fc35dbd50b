"""A vault that machines share: what goes there, what comes from there, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from storyboard.durable import seal
from storyboard.errors import CommandError, RemoteError
from storyboard.events import ShotDone
from storyboard.film import Mode, prepare, produce
from storyboard.project import places
from storyboard.remote import Remote, film_keys, pull, push
from storyboard.vault import Vault
from storyboard.vault_layout import Layout, Take
from tests.films import scene, screenplay, storyboard, text_of

SCENES = [scene("a"), scene("b"), scene("c", continues="nothing"), scene("end", card={"text": "End"})]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A film that was rendered on this machine, with its vault in `here`."""
    path = tmp_path / "film.yaml"
    path.write_text(text_of(screenplay(SCENES)))
    shot = [event for event in produce(prepare(path, vault=tmp_path / "here")) if isinstance(event, ShotDone)]
    assert len(shot) == 4
    return path


@pytest.fixture(params=["folder", "file", "memory", "local"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A remote in a folder, and at three kinds of URL."""
    there = tmp_path / "the re"
    yield {
        "folder": str(there),
        "file": there.as_uri(),
        "memory": f"memory://{there.name}",
        "local": f"dir::local://{there}",
    }[request.param]
    memory = fsspec.filesystem("memory")
    if memory.exists("/the re"):
        memory.rm("/the re", recursive=True)


def here(film: Path) -> Vault:
    return Vault(film.parent / "here")


def keys(film: Path) -> list[str]:
    return [take.key for take in here(film).takes()]


def sent(film: Path, url: str, **how: bool) -> int:
    """How many takes a push of everything sends."""
    return sum(moved.bytes > 0 for moved in push(here(film), Remote(url), keys(film), **how))


def test_what_is_pushed_is_pulled_whole(film: Path, url: str) -> None:
    assert sent(film, url) == 4
    assert sent(film, url) == 0, "what is there is not sent again"
    other = Vault(film.parent / "other")
    remote = Remote(url)
    assert sorted(remote.keys()) == sorted(keys(film))
    assert [moved.missing for moved in pull(other, remote, keys(film))] == [False] * 4
    assert other.verify(deep=True) == []
    assert list(other.takes()) == list(here(film).takes())
    assert [moved.bytes for moved in pull(other, remote, keys(film))] == [0] * 4


def test_a_render_shoots_nothing_that_is_there(film: Path, url: str) -> None:
    sent(film, url)
    movie = (film.parent / "renders" / "film" / "film.mp4").read_bytes()
    said: list[str] = []
    production = prepare(
        film, vault=film.parent / "other", out=film.parent / "out", remote=Remote(url, tell=said.append)
    )
    assert not [event for event in produce(production) if isinstance(event, ShotDone)]
    assert (film.parent / "out" / "film.mp4").read_bytes() == movie
    assert len([line for line in said if "came" in line]) == 4
    assert Vault(film.parent / "other").verify(deep=True) == []


def test_a_plan_looks_and_brings_nothing(film: Path, url: str) -> None:
    sent(film, url)
    production = prepare(film, vault=film.parent / "other", remote=Remote(url, look=True))
    assert len(production.plan.takes) == 4
    assert not (film.parent / "other").exists()


def test_a_remote_is_a_vault(film: Path) -> None:
    there = film.parent / "there"
    sent(film, str(there))
    assert Vault(there).verify(deep=True) == []
    assert len(prepare(film, vault=there).plan.takes) == 4


# What is refused


def damaged_record(layout: Layout, take: Take) -> None:
    layout.take(take.key).write_bytes(b"{}")


def another_key(layout: Layout, take: Take) -> None:
    """A sealed record of other pictures, as one would write it who wants other pictures in the film."""
    record = json.loads(take.sealed())["record"]
    layout.take(take.key).write_bytes(seal(record | {"slate": record["slate"] | {"prompt": "Something else."}}))


def other_frames(layout: Layout, take: Take) -> None:
    record = json.loads(take.sealed())["record"]
    layout.take(take.key).write_bytes(seal(record | {"frames": record["frames"][:-1]}))


def flipped_footage(layout: Layout, take: Take) -> None:
    path = layout.object(take.footage)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def short_footage(layout: Layout, take: Take) -> None:
    path = layout.object(take.footage)
    path.write_bytes(path.read_bytes()[:-1])


def endless_footage(layout: Layout, take: Take) -> None:
    with layout.object(take.footage).open("ab") as file:
        file.truncate(1 << 40)


def no_footage(layout: Layout, take: Take) -> None:
    layout.object(take.footage).unlink()


WRONGS = [damaged_record, another_key, other_frames, flipped_footage, short_footage, endless_footage, no_footage]


@pytest.mark.parametrize("wrong", WRONGS)
def test_what_is_wrong_there_is_refused_shot_again_and_mended(film: Path, wrong: object) -> None:
    there = film.parent / "there"
    sent(film, str(there))
    take = next(take for take in here(film).takes() if take.slate["prompt"] == "This is c.")
    assert callable(wrong)
    wrong(Layout(there), take)
    said: list[str] = []
    remote = Remote(str(there), tell=said.append)
    other = film.parent / "other"
    production = prepare(film, vault=other, remote=remote)
    assert [event.shot.id for event in produce(production) if isinstance(event, ShotDone)] == ["c/1"]
    assert len([line for line in said if "refused" in line and take.key[:12] in line]) == 1
    assert Vault(other).verify(deep=True) == [] and not list((other / "tmp").iterdir())
    assert sent(film, str(there), again=True) == 4
    assert [moved.missing for moved in pull(Vault(film.parent / "third"), remote, keys(film))] == [False] * 4


def test_what_is_not_whole_here_is_not_pushed(film: Path, tmp_path: Path) -> None:
    take = next(here(film).takes())
    here(film).footage_path(take).write_bytes(b"damaged")
    moved = {each.key: each for each in push(here(film), Remote(str(tmp_path / "there")), keys(film))}
    assert moved[take.key].missing and sum(each.missing for each in moved.values()) == 1
    assert not Layout(tmp_path / "there").take(take.key).exists()


# What happens in between


def test_a_push_that_is_killed_leaves_a_whole_remote_and_goes_on(film: Path) -> None:
    there = film.parent / "there"
    code = (
        "import sys, os, pathlib; from storyboard.remote import *; from storyboard.vault import Vault;"
        "real, left = os.replace, [int(sys.argv[3])]\n"
        "def replace(*words):\n"
        "    left[0] -= 1\n"
        "    if not left[0]: os._exit(9)\n"
        "    return real(*words)\n"
        "os.replace = replace\n"
        "vault = Vault(pathlib.Path(sys.argv[1]))\n"
        "list(push(vault, Remote(sys.argv[2]), [take.key for take in vault.takes()]))\n"
    )
    whole = set()
    for nth in range(1, 99):
        done = subprocess.run([sys.executable, "-c", code, str(film.parent / "here"), str(there), str(nth % 4 + 1)])
        if there.exists():
            assert Vault(there).verify() == []
            now = {take.key for take in Vault(there).takes()}
            assert whole <= now, "what was sent stays"
            whole = now
        if done.returncode == 0:
            break
        assert done.returncode == 9
    assert nth > 2 and sorted(whole) == sorted(keys(film))
    assert Vault(there).verify(deep=True) == []


def test_a_remote_that_cannot_be_reached_is_told_of_once_and_the_film_is_shot(film: Path) -> None:
    said: list[str] = []
    nobody = "ftp://someone:secret@127.0.0.1:1/vault"
    production = prepare(film, vault=film.parent / "other", remote=Remote(nobody, tell=said.append))
    assert len([event for event in produce(production) if isinstance(event, ShotDone)]) == 4
    (line,) = said
    assert line.startswith("cannot reach the remote `ftp://127.0.0.1:1/vault`") and "going on without it" in line
    assert "secret" not in line
    with pytest.raises(RemoteError, match="cannot reach the remote"):
        list(push(here(film), Remote(nobody), keys(film)))
    with pytest.raises(RemoteError, match="there is no vault at"):
        list(pull(here(film), Remote(str(film.parent / "nowhere")), keys(film)))


def test_a_url_that_nothing_can_reach_is_a_wrong_command(film: Path) -> None:
    for url, words in (("s3://bucket/vault", "needs more than is installed"), ("nonsense://x", "cannot be used")):
        with pytest.raises(CommandError, match=words):
            prepare(film, vault=film.parent / "other", remote=Remote(url))


def test_a_remote_of_another_version_is_left_alone(film: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "VERSION").write_text("storyboard vault 99\n")
    with pytest.raises(RemoteError, match="of a version"):
        sent(film, str(there))
    assert [path.name for path in there.iterdir()] == ["VERSION"]


def test_nothing_is_written_where_only_reading_is_allowed(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = film.parent / "there"
    monkeypatch.setenv("STORYBOARD_REMOTE_READ_ONLY", "1")
    assert sent(film, str(there), dry=True) == 4
    with pytest.raises(CommandError, match="nothing is written to a remote"):
        sent(film, str(there))
    assert not there.exists()
    monkeypatch.setenv("STORYBOARD_REMOTE_READ_ONLY", "0")
    assert sent(film, str(there)) == 4


# Two machines

LOCKED = """
import sys
from storyboard.cli import main
code = main(["render", "--locked", *sys.argv[1:]])
print(sorted({"torch", "diffusers"} & set(sys.modules)))
sys.exit(code)
"""


def rendered(film: Path, out: Path, **how: object) -> None:
    list(produce(prepare(film, vault=film.parent / "here", out=out, **how)))  # type: ignore[arg-type]


def elsewhere(film: Path, machine: str, url: Path) -> subprocess.CompletedProcess[str]:
    """Render the film as its lock says on a machine that has the screenplay, the lock and the remote, and no takes."""
    folder = film.parent / machine
    folder.mkdir()
    for name in ("film.yaml", "film.lock"):
        shutil.copy(film.with_name(name), folder)
    where = ("--vault", folder / "vault", "--out", folder / "out", "--remote", url)
    words = [str(word) for word in (folder / "film.yaml", *where)]
    env = os.environ | {"STORYBOARD_TEST_LOG": str(folder / "log")}
    done = subprocess.run([sys.executable, "-c", LOCKED, *words], capture_output=True, text=True, env=env)
    assert not (folder / "log").exists(), "nothing is shot"
    return done


def test_another_machine_makes_the_same_film_from_lock_and_remote(tmp_path: Path) -> None:
    film, there = tmp_path / "film.yaml", tmp_path / "there"
    for prompt, mode in (("This is b.", Mode.PLAIN), ("Another b.", Mode.SPLICE)):
        scenes = [scene("a", 2), scene("b", 2, prompt=prompt), scene("c", 2), scene("end", card={"text": "End"})]
        film.write_text(text_of(screenplay(scenes, engine="strict")))
        rendered(film, tmp_path / "out", mode=mode)
    used = film_keys(places(film, out=tmp_path / "out"))
    assert len(list(push(here(film), Remote(str(there)), used))) == len(used)
    before = [(path, path.stat().st_mtime_ns) for path in sorted(there.rglob("*"))]
    done = elsewhere(film, "another", there)
    assert [(path, path.stat().st_mtime_ns) for path in sorted(there.rglob("*"))] == before, "it is only read"
    made = tmp_path / "another" / "out" / "film.mp4"
    assert (done.returncode, done.stdout) == (0, f"{made}\n[]\n"), done.stderr
    assert made.read_bytes() == (tmp_path / "out" / "film.mp4").read_bytes()
    gone = next(take for take in Vault(there).takes() if take.slate["prompt"] == "This is c.")
    Layout(there).take(gone.key).unlink()
    done = elsewhere(film, "third", there)
    assert done.returncode == 1 and "`c/1`" in done.stderr and "vault pull" in done.stderr


# The command line


def test_the_verbs(film: Path) -> None:
    folder = film.parent
    (folder / "pyproject.toml").touch()
    there, clean = folder / "there", folder / "clean"
    push = ("vault", "push", there, film, "--vault", folder / "here")
    done = storyboard(*push, "--read-only")
    assert done.stdout.startswith("would send 4 takes") and "nothing was sent" in done.stderr and not there.exists()
    assert storyboard(*push).stdout.startswith("sent 4 takes")
    assert storyboard(*push).stdout == "sent 0 takes, 0.0 MB; 4 there already\n"
    assert storyboard("vault", "pull", there, film, "--vault", clean).stdout.startswith("brought 4 takes")
    assert storyboard("vault", "pull", there, "--vault", folder / "more", cwd=folder).stdout.startswith(
        "brought 4 takes"
    )
    assert "no film here says" in storyboard("vault", "pull", there, "--vault", clean, cwd=there, check=2).stderr
    assert storyboard("vault", "pull", there, "--all", cwd=folder).stdout.startswith("brought 4 takes")
    done = storyboard("vault", "pull", folder / "nowhere", film, check=1)
    assert "there is no vault at" in done.stderr and "vault push" in done.stderr


def test_the_remote_of_the_environment(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, out = film.parent / "there", film.parent / "out"
    sent(film, str(there))
    monkeypatch.setenv("STORYBOARD_REMOTE", str(there))
    done = storyboard("render", film, "--vault", film.parent / "one", "--out", out)
    assert done.stderr.count("came") == 4 and "shooting" not in done.stderr
    fresh = ("plan", film, "--vault", film.parent / "two")
    assert "4 there" in storyboard(*fresh).stdout
    assert "0 there" in storyboard(*fresh, "--remote", "").stdout
    done = storyboard(*fresh, "--remote", film.parent / "no")
    assert "0 there" in done.stdout
    assert done.stderr.count("there is no vault at") == 1 and "going on without it" in done.stderr


def test_nothing_that_reaches_out_is_imported_while_nothing_is_looked_up_there(film: Path) -> None:
    code = (
        "import sys; from storyboard.cli import main; code = main(sys.argv[1:]);"
        "print('LOADED', sorted({'fsspec', 'storyboard.remote'} & set(sys.modules))); sys.exit(code)"
    )
    where = [str(film), "--vault", str(film.parent / "here")]
    for words in (["render", *where], ["render", *where, "--remote", "memory://x"], ["plan", *where, "--why"]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
        assert done.stdout.endswith("LOADED []\n"), done
