"""Strangers' projects: locks, manifests, vaults, remotes, timelines and git folders that were made to mislead."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storyboard.durable import seal
from storyboard.film import prepare
from storyboard.project import places, read_manifest
from storyboard.screenplay import loads
from storyboard.vault import Vault
from tests.films import decoded, scene, screenplay, storyboard, text_of
from tests.strangers import Trial, run_all
from tests.tally import tally
from tests.test_strangers import check_harmless, snapshot

ESCAPE = "\x1b]0;owned\x07\u202e"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a film of three shots, rendered."""
    home = tmp_path_factory.mktemp("rendered") / "film"
    home.mkdir()
    (home / "storyboard.toml").write_text("")
    (home / "film.yaml").write_text(text_of(screenplay([scene("a"), scene("b"), scene("c", 0.5)])))
    storyboard("render", home / "film.yaml")
    return home


@pytest.fixture
def project(rendered: Path, tmp_path: Path) -> Path:
    """A copy of it, beside a folder that is none of its business."""
    home = tmp_path / "film"
    shutil.copytree(rendered, home)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept.txt").write_text("a secret")
    return home


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def deep(path: Path) -> None:
    path.write_text("[" * 300_000)


def many(path: Path) -> None:
    path.write_text('{"storyboard": 1, "shots": [' + "[]," * 8_000_000 + "[]]}")


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 100)


def huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # a terabyte that takes no room


SPOIL: list[Callable[[Path], None]] = [endless, piped, deep, many, binary, huge]


def outcome_of(project: Path, *words: str, code: int | None = 0) -> str:
    """What a command says, run as a stranger's project would have it run; nothing outside may change."""
    outside = project.parent / "outside"
    before = snapshot(outside)
    tally("bad inputs")
    outcome = run_all([Trial("project", str(project), words)])["project"]
    assert snapshot(outside) == before
    if code is None:
        assert outcome.code in (0, 1, 2), outcome.err
    tools = tuple(each for each in outcome.reached if not re.search("git|ffmpeg|ffplay", each))
    check_harmless(replace(outcome, reached=tools), project, code=outcome.code if code is None else code)
    return outcome.out + outcome.err


@pytest.mark.parametrize("spoil", SPOIL)
@pytest.mark.parametrize("name", ["film.lock", "renders/film/manifest.json"])
def test_records_beside_a_film_that_are_none(project: Path, name: str, spoil: Callable[[Path], None]) -> None:
    spoil(project / name)
    outcome_of(project, "plan", "film.yaml", code=None)


@pytest.mark.parametrize("spoil", SPOIL)
def test_records_of_a_vault_that_are_none_are_misses(project: Path, spoil: Callable[[Path], None]) -> None:
    for path in (project / "renders" / "vault" / "takes").rglob("*.json"):
        spoil(path)
    assert "0 there" in outcome_of(project, "plan", "film.yaml")
    outcome_of(project, "vault", "verify", code=None)


def test_a_manifest_cannot_have_other_files_read(project: Path) -> None:
    path = places(project / "film.yaml").manifest
    record = json.loads(path.read_text())
    for name in ("/dev/zero", "../outside/kept.txt", "/proc/self/mem", "\0", "x" * 5_000):
        path.write_text(json.dumps(record | {"inputs": [[name, "0" * 64]]}))
        assert read_manifest(path) is not None
        outcome_of(project, "render", "film.yaml")


def test_a_lock_that_leads_beyond_a_takes_end(project: Path) -> None:
    lock = project / "film.lock"
    key = re.search(r"key: ([0-9a-f]{64})", lock.read_text())
    assert key
    for head in (f"b/1 8+99999@8 {key[1]}", f"b/1 999999999+1@240 {key[1]}", f"z/1 0+1@1/9 {key[1]}"):
        text = lock.read_text()
        lock.write_text(
            re.sub(r"(- id: a/1\n(?:  .*\n)+)", lambda found, head=head: f"{found[1]}  head: {head}\n", text)
        )
        for words in (("plan", "film.yaml"), ("check", "film.yaml"), ("plan", "film.yaml", "--why")):
            outcome_of(project, *words, code=None)
        lock.write_text(text)


def forge(project: Path, **said: object) -> None:
    """Write other things into the records of all takes, sealed as ours are."""
    for path in (project / "renders" / "vault" / "takes").rglob("*.json"):
        record = json.loads(path.read_text())["record"]
        path.write_bytes(seal({**record, **said}))


@pytest.mark.parametrize(
    "said",
    [
        {"frames": []},
        {"frames": ["0" * 64]},
        {"width": 16384, "height": 16384},
        {"width": -1},
        {"rate": "1/0"},
        {"size": 1 << 62},
        {"footage": "../../../outside/kept.txt"},
        {"footage": "/" * 64},
        {"slate": {}},
        {"slate": {"tail": {"digests": [0] * 5000}, "prompt": ESCAPE, "engine": ESCAPE}},
        {"made": {"seconds": "NaN", "engine": [ESCAPE]}},
        {"take": "0" * 64},
        {"sound": {"rate": 1, "channels": 1 << 40, "samples": 1 << 60, "digest": "0" * 64}},
    ],
)
def test_forged_records_of_takes(project: Path, said: dict[str, object]) -> None:
    forge(project, **said)
    for words in (("plan", "film.yaml", "--why"), ("vault", "ls"), ("vault", "verify", "--deep")):
        outcome_of(project, *words, code=None)


@pytest.mark.long
def test_a_film_is_whole_whatever_its_vault_said(project: Path) -> None:
    movie = places(project / "film.yaml").movie
    before = decoded(movie)
    for said in ({"frames": ["0" * 64]}, {"width": 16384, "height": 16384}, {"slate": {}}):
        forge(project, **said)
        movie.unlink()
        outcome_of(project, "render", "film.yaml")
        assert np.array_equal(decoded(movie), before), said


def test_footage_that_says_it_has_no_end(project: Path) -> None:
    import av

    vault = Vault(project / "renders" / "vault")
    take = next(vault.takes())
    path, bomb = vault.footage_path(take), project / "bomb.mkv"
    with av.open(str(path)) as source, av.open(str(bomb), "w", format="matroska") as target:
        target.metadata["FRAMES"] = str(10**15)
        track = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = track
                target.mux(packet)
    shutil.move(bomb, path)
    said = outcome_of(project, "vault", "verify", "--deep", code=1)
    assert "not those of its name" in said


# Links


def link(path: Path, to: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.symlink_to(to)


@pytest.mark.parametrize("name", ["renders", "renders/film", "renders/vault"])
def test_output_that_is_a_link_out_of_the_project_is_refused(project: Path, name: str) -> None:
    link(project / name, project.parent / "outside")
    said = outcome_of(project, "render", "film.yaml", code=2)
    assert "leads out of the project" in said and ("--out" in said or "--vault" in said)
    storyboard("plan", project / "film.yaml", "--out", project / "out", "--vault", project / "vault")


def test_nothing_behind_a_link_is_removed(project: Path) -> None:
    for name in ("tmp", "objects", "takes/00", "refusals/00"):
        path = project / "renders" / "vault" / name
        path.parent.mkdir(exist_ok=True)
        kept = path.with_name("kept")
        if path.exists():
            path.rename(kept)
        link(path, project.parent / "outside")
        for words in (("vault", "prune", "--yes"), ("vault", "verify", "--heal")):
            said = outcome_of(project, *words, code=1)
            assert "writes and removes only what is its own" in said
        path.unlink()
        if kept.exists():
            kept.rename(path)
    assert (project.parent / "outside" / "kept.txt").read_text() == "a secret"


def test_what_looks_left_over_and_is_a_link_is_left_alone(project: Path) -> None:
    (project / "renders" / "film" / ".film.mp4.0123.tmp").symlink_to(project.parent / "outside")
    (project / ".film.lock.0123.tmp").symlink_to(project.parent / "outside")
    (project / "film.yaml").write_text((project / "film.yaml").read_text().replace("This is a", "That is a"))
    outcome_of(project, "render", "film.yaml")


@pytest.mark.parametrize("name", ["gate", "in-use", "locks", "timings", "roots", "tmp", "VERSION"])
def test_what_a_vault_writes_to_is_no_link(project: Path, name: str) -> None:
    """Lock files are opened to be written: a link in their place would have another file cut to nothing."""
    path, kept = project / "renders" / "vault" / name, project.parent / "outside" / "kept.txt"
    is_folder = path.is_dir()
    if is_folder:
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(kept.parent if is_folder else kept)
    (project / "film.yaml").write_text((project / "film.yaml").read_text().replace("This is a", "That is a"))
    outcome_of(project, "render", "film.yaml", code=None)
    assert kept.read_text() == "a secret" and list(kept.parent.iterdir()) == [kept]


# Git


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_a_bare_repository_in_a_film_runs_nothing(project: Path) -> None:
    """Any clone may hold one; its settings name commands that git would run."""
    work = project.parent / "work"
    shutil.copytree(project, work)
    picture = {"start": {"image": "city.png"}, "continues": "nothing"}
    (work / "film.yaml").write_text(text_of(screenplay([scene("a", **picture)])))
    shutil.copy(next(Path(__file__).parent.parent.glob("examples/assets/*.png")), work / "city.png")
    git(work, "init", "-q")
    git(work, "add", "film.yaml", "city.png")
    git(work, "commit", "-qm", "x")
    for path in (work / ".git").iterdir():
        target = project / path.name
        shutil.copytree(path, target) if path.is_dir() else shutil.copy(path, target)
    shutil.copy(work / "film.yaml", project)
    shutil.copy(work / "city.png", project)
    owned = project / "owned"
    (project / "config").write_text(f'[core]\n\tbare = true\n[filter "x"]\n\tsmudge = touch {owned}; cat\n')
    (project / "info").mkdir(exist_ok=True)
    (project / "info" / "attributes").write_text("*.png filter=x\n")
    said = outcome_of(project, "plan", "film.yaml", "--since", "HEAD", code=2)
    assert "cannot compare" in said and not owned.exists()


@pytest.mark.parametrize(
    "revision",
    ["--upload-pack=touch owned", "--output=owned", "-p", "HEAD:../outside/kept.txt", ESCAPE, "x" * 9999, ""],
)
def test_revisions_are_no_options(project: Path, revision: str) -> None:
    git(project, "init", "-q")
    git(project, "add", "film.yaml")
    git(project, "commit", "-qm", "x")
    assert "git knows no revision" in outcome_of(project, "plan", "film.yaml", f"--since={revision}", code=2)
    assert not list(project.rglob("owned"))


# Timelines


def timeline(**clip: object) -> dict[str, object]:
    span = {"start_time": {"value": 0, "rate": 8}, "duration": {"value": 4, "rate": 8}}
    made = {"OTIO_SCHEMA": "Clip.2", "name": f"a{ESCAPE}", "source_range": span, **clip}
    track = {"OTIO_SCHEMA": "Track.1", "kind": "Video", "children": [made]}
    return {"OTIO_SCHEMA": "Timeline.1", "tracks": {"OTIO_SCHEMA": "Stack.1", "children": [track]}}


def times(value: object, rate: object) -> dict[str, object]:
    time = {"value": value, "rate": rate}
    return {"source_range": {"start_time": time, "duration": time}}


OURS = {"metadata": {"storyboard": {"scene": "a", "first": 10**4000}}}
TIMELINES = {
    "names with escapes": json.dumps(timeline()),
    "numbers without end": json.dumps(timeline(**times(10**400, 8))),
    "a rate near nothing": json.dumps(timeline(**times(10**9, 5e-324))),
    "a number that is none": json.dumps(timeline(**times(float("nan"), float("inf")))),
    "a first frame of 4,000 digits": json.dumps(timeline(**OURS)),
    "an address that is none": json.dumps(timeline(media_reference={"target_url": "http://[::1"})),
    "an address of a file": json.dumps(timeline(media_reference={"target_url": "file:///etc/passwd"})),
    "deep": "[" * 300_000,
    "wide": '{"OTIO_SCHEMA": "Timeline.1", "tracks": [' + "[]," * 9_000_000 + "[]]}",
    "digits": '{"tracks": ' + "9" * 100_000 + "}",
    "text": ESCAPE,
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timelines_that_were_made_to_mislead(project: Path, name: str) -> None:
    (project / "film.otio").write_text(TIMELINES[name])
    before = (project / "film.yaml").read_text()
    outcome_of(project, "import", "film.otio", "film.yaml", code=None)
    after = (project / "film.yaml").read_text()
    assert after == before or loads(after)


# Remotes


def test_a_remote_that_is_no_vault_or_a_forged_one(project: Path) -> None:
    remote = project.parent / "film" / "remote"
    shutil.copytree(project / "renders" / "vault", remote)
    shutil.rmtree(project / "renders")
    for path in (remote / "takes").rglob("*.json"):
        record = json.loads(path.read_text())["record"]
        path.write_bytes(seal({**record, "frames": record["frames"][:1], "footage": "../" * 21 + "x"}))
    assert "0 there" in outcome_of(project, "plan", "film.yaml", "--remote", "remote")
    for path in (remote / "takes").rglob("*.json"):
        endless(path)
    assert "0 there" in outcome_of(project, "plan", "film.yaml", "--remote", "remote")
    (remote / "VERSION").unlink()
    os.mkfifo(remote / "VERSION")
    assert "remote" in outcome_of(project, "plan", "film.yaml", "--remote", "remote")
    assert prepare(project / "film.yaml").plan.takes == {}
