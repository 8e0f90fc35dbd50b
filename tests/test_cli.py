"""The command line in processes of its own: verbs, variants, exit codes, what goes to stdout."""

from __future__ import annotations

import json
import os
import pty
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.films import decoded, scene, screenplay, storyboard, text_of


def written(folder: Path, scenes: list[dict[str, object]], **film: object) -> Path:
    path = folder / "film.yaml"
    path.write_text(text_of(screenplay(scenes, **film)))
    return path


def test_a_film_and_what_stands_beside_it(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a"), scene("b")])
    done = storyboard("render", film)
    movie = tmp_path / "renders" / "film" / "film.mp4"
    assert done.stdout.strip() == str(movie)
    assert "shot `b/1`: done in" in done.stderr
    manifest = json.loads((movie.parent / "manifest.json").read_text())
    assert [shot["prompt"] for shot in manifest["shots"]] == ["This is a.", "This is b."]
    assert len(decoded(movie)) == 16
    before = movie.stat().st_mtime_ns
    assert "nothing to do" in storyboard("render", film).stderr
    assert movie.stat().st_mtime_ns == before
    movie.write_bytes(movie.read_bytes()[:-100])
    storyboard("render", film)
    assert len(decoded(movie)) == 16, "a damaged movie is made again"


def test_check_says_what_there_is_and_faults_exit_with_2(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a"), scene("b")])
    assert "2 scenes, 2 shots, 16 frames (2 s), 96x54 at 8" in storyboard("check", film).stdout
    film = written(tmp_path, [scene("a"), scene("b", continues="z")], engine="nobody")
    done = storyboard("check", film, check=2)
    assert "there is no scene `z`" in done.stderr
    assert "unknown engine `nobody`" in done.stderr, "all faults at once, those of engines too"
    assert done.stdout == ""
    done = storyboard("check", tmp_path / "nowhere.yaml", check=2)
    assert "nowhere.yaml" in done.stderr
    storyboard("shoot", film, check=2)


def test_notices_are_shown_with_their_line(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a", negative="blur")], engine="alone")
    assert "film.yaml:10:13: note: `alone` takes no negative prompt" in storyboard("check", film).stderr


def test_plan_as_json_is_the_contract(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a"), scene("b")])
    plan = json.loads(storyboard("plan", film, "--json").stdout)
    assert plan["film"] == str(film)
    assert (plan["frames"], plan["rate"]) == (16, "8")
    assert plan["summary"] == {"hit": 0, "miss": 1, "waiting": 1}
    assert plan["shots"][1] == {
        "id": "b/1",
        "scene": "b",
        "state": "waiting",
        "reasons": ["waits for `a/1`", "it was not in the last render"],
        "frames": 16,
        "continues": "a/1",
        "estimate_seconds": None,
    }
    storyboard("render", film)
    film.write_text(film.read_text().replace("This is b.", "That was b."))
    said = storyboard("plan", film, "--why").stdout
    assert '`prompt` changed: "This is b." -> "That was b."' in said
    assert "plan: 1 to shoot, 0 waiting, 1 there" in said


def test_render_as_json_is_one_object_a_line(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a")])
    events = [json.loads(line) for line in storyboard("render", film, "--json").stdout.splitlines()]
    assert events[0] == {"event": "planned", "summary": {"hit": 0, "miss": 1, "waiting": 0}}
    assert {"started", "step", "done", "encoding"} <= {event["event"] for event in events}
    assert events[-1]["event"] == "film" and events[-1]["frames"] == 8


def test_a_failed_shot_exits_with_1_and_leaves_the_old_movie(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a"), scene("b")], engine="strict")
    storyboard("render", film)
    movie = tmp_path / "renders" / "film" / "film.mp4"
    old = movie.read_bytes()
    written(tmp_path, [scene("a", take=2), scene("b", prompt="FAIL"), scene("c")], engine="strict")
    done = storyboard("render", film, check=1)
    assert "shot `b/1`: failed" in done.stderr and "not attempted, waits on `b/1`" in done.stderr
    assert movie.read_bytes() == old
    pruned = storyboard("vault", "prune", "--yes", "--vault", tmp_path / "renders" / "vault")
    assert "removed 0 takes" in pruned.stdout, "what was shot for an unfinished film is kept"
    written(tmp_path, [scene("a", take=2), scene("b")], engine="strict")
    done = storyboard("render", film)
    assert "1 to shoot, 0 waiting, 1 there" in done.stderr


def test_only_one_scene_and_what_it_needs(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a"), scene("b"), scene("c"), scene("d", continues="a")])
    done = storyboard("render", film, "--only", "b")
    movie = tmp_path / "renders" / "film" / "film.b.mp4"
    assert done.stdout.strip() == str(movie)
    assert "`c/1`" not in done.stderr and "`d/1`" not in done.stderr
    assert "plan: 1 to shoot, 1 waiting, 0 there" in done.stderr, "only what is asked for counts"
    assert len(decoded(movie)) == 8
    assert "there is no scene `z`" in storyboard("render", film, "--only", "z", check=2).stderr
    pruned = storyboard("vault", "prune", "--vault", tmp_path / "renders" / "vault")
    assert "would remove 0 takes" in pruned.stdout, "what it continues is part of it"


def test_streams_that_are_closed_or_read_no_further_are_no_failure(tmp_path: Path) -> None:
    film = written(tmp_path, [scene(f"s{n}", 1) for n in range(300)])
    verb = f"{sys.executable} -m storyboard"
    quoted = shlex.quote(str(film))

    def shell(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)

    for line in (f"{verb} plan {quoted} | head -1", f"{verb} check {quoted} | true"):
        done = shell(f"{line}; exit ${{PIPESTATUS[0]}}")
        assert (done.returncode, done.stderr) == (0, ""), line
    film = written(tmp_path, [scene("a")])
    done = shell(f"{verb} render {quoted} --json | head -1; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (1, ""), "the film was not finished"
    for closed in ("2>&-", ">&-", ">&- 2>&-"):
        done = shell(f"{verb} render {quoted} {closed}")
        assert done.returncode == 0
        assert done.stdout in ("", f"{tmp_path / 'renders' / 'film' / 'film.mp4'}\n"), closed
    named = tmp_path / "fïlm ☃.yaml"
    film.rename(named)
    assert "\\u2603" in shell(f"PYTHONIOENCODING=ascii {verb} check {shlex.quote(str(named))}").stdout


def test_at_a_terminal_bars_go_there_and_the_movie_to_stdout(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a"), scene("b")])
    terminal, ours = pty.openpty()
    command = [sys.executable, "-m", "storyboard", "render", str(film)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=ours, text=True, timeout=60)
    os.close(ours)
    seen = b""
    with suppress(OSError):  # the end of a terminal
        while piece := os.read(terminal, 65536):
            seen += piece
    os.close(terminal)
    assert done.stdout == f"{tmp_path / 'renders' / 'film' / 'film.mp4'}\n"
    said = seen.decode()
    assert "2/2" in said and "16/16" in said and "shot `b/1`: done in" in said and "film: 16 frames" in said


def test_another_engine_makes_another_movie(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a")], engine={"name": "strict", "tail": 9})
    storyboard("render", film, "--engine", "animatic", "--out", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["film.animatic.mp4", "manifest.animatic.json"]
    assert "did you mean `animatic`" in storyboard("render", film, "--engine", "animatik", check=2).stderr


def test_partial_is_the_film_so_far(tmp_path: Path) -> None:
    from storyboard.engines.strip import read_strip

    scenes = [scene("a"), scene("b", prompt="FAIL"), scene("c"), scene("end", card={"text": "End"})]
    large = {"width": 192, "height": 108, "rate": 8}
    film = written(tmp_path, scenes, engine="dice", format=large)
    storyboard("render", film, check=1)
    done = storyboard("render", film, "--partial")
    movie = tmp_path / "renders" / "film" / "film.partial.mp4"
    assert done.stdout.strip() == str(movie)
    strips = [read_strip(frame) for frame in decoded(movie)]
    assert len(strips) == 32
    numbers = [strip.number if strip else None for strip in strips]
    assert numbers == [None] * 8 + [*range(8)] * 2 + [None] * 8


def test_blame_from_the_movie_alone(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a"), scene("b", beats=[{"at": 0.5, "prompt": "On."}])])
    storyboard("render", film)
    movie = shutil.copy(tmp_path / "renders" / "film" / "film.mp4", tmp_path / "sent.mp4")
    shutil.rmtree(tmp_path / "renders")
    film.unlink()
    credit = json.loads(storyboard("blame", movie, "--at", "00:01.6", "--json").stdout)
    assert (credit["scene"], credit["shot"], credit["prompt"], credit["engine"]) == ("b", "b/2", "On.", "animatic")
    assert credit["line"] == 10
    assert "b/1" in storyboard("blame", movie, "--at", "8f").stdout
    storyboard("blame", movie, "--at", "3s", check=2)
    storyboard("blame", movie, "--at", "soon", check=2)


def test_vault_verbs(tmp_path: Path) -> None:
    film = written(tmp_path, [scene("a"), scene("b")])
    (tmp_path / "pyproject.toml").touch()
    assert storyboard("vault", "ls", cwd=tmp_path).stdout == "no takes\n"
    storyboard("render", film)
    assert len(storyboard("vault", "ls", cwd=tmp_path).stdout.splitlines()) == 2
    assert "clean" in storyboard("vault", "verify", cwd=tmp_path).stderr
    written(tmp_path, [scene("a"), scene("b", take=2)])
    storyboard("render", film)
    assert "would remove 1 take," in storyboard("vault", "prune", cwd=tmp_path).stdout
    assert len(storyboard("vault", "ls", cwd=tmp_path).stdout.splitlines()) == 3
    assert "removed 1 take," in storyboard("vault", "prune", "--yes", cwd=tmp_path).stdout
    assert "nothing to do" in storyboard("render", film).stderr
    largest = max((tmp_path / "renders" / "vault" / "objects").rglob("*"), key=lambda path: path.stat().st_size)
    largest.write_bytes(b"damaged")
    storyboard("vault", "verify", cwd=tmp_path, check=1)
    storyboard("vault", "verify", "--heal", cwd=tmp_path)
    storyboard("render", film)
    assert "clean" in storyboard("vault", "verify", "--deep", cwd=tmp_path).stderr


def test_init_writes_a_screenplay_that_renders(tmp_path: Path) -> None:
    film = tmp_path / "first-film.yaml"
    storyboard("init", film)
    done = storyboard("check", film)
    assert "3 scenes" in done.stdout and done.stderr == "", "the default engine knows all of its words"
    storyboard("init", film, check=2)
    story = tmp_path / "story.txt"
    story.write_text('A {curly} "bear": swims\n\n  - it # dives\n')
    told = tmp_path / "told.yaml"
    storyboard("init", told, "--from", story)
    plan = json.loads(storyboard("plan", told, "--json").stdout)
    assert len(plan["shots"]) == 2
    assert '{{curly}} \\"bear\\"' in told.read_text()
    storyboard("init", tmp_path / "x.yaml", "--from", tmp_path / "nothing.txt", check=2)


def test_engines_and_schema(tmp_path: Path) -> None:
    assert "animatic" in storyboard("engines").stdout
    assert "pocket (default)" in storyboard("engines", "pocket").stdout
    said = storyboard("engines", "strict").stdout
    assert "8n+1, 9 to 49" in said and "1 to 9" in said
    assert "did you mean `strict`" in storyboard("engines", "stritc", check=2).stderr
    schema = json.loads(storyboard("schema").stdout)
    stored = json.loads((Path(__file__).parent.parent / "schemas" / "screenplay.json").read_text())
    assert schema == stored


@pytest.mark.parametrize("arguments", [["--version"], ["render", "--help"]])
def test_help_and_version(arguments: list[str]) -> None:
    assert "storyboard" in storyboard(*arguments).stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk here that is always full")
@pytest.mark.parametrize("verb", [["plan"], ["render", "--json"], ["render"]])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_to_a_full_disk_ends_without_a_traceback(tmp_path: Path, verb: list[str], stream: str) -> None:
    film = tmp_path / "film.yaml"
    film.write_text(text_of(screenplay([scene("a")])))
    other = "stderr" if stream == "stdout" else "stdout"
    with Path("/dev/full").open("w") as full:
        streams = {stream: full, other: subprocess.PIPE}
        done = subprocess.run([sys.executable, "-m", "storyboard", *verb, str(film)], **streams, text=True)  # type: ignore[call-overload]
    said = getattr(done, other)
    assert "Traceback" not in said and "Exception" not in said
    silent = stream == "stderr" and verb != ["render"]  # nothing was to be said there
    assert done.returncode == (0 if silent else 1)
    assert stream == "stderr" or "error: the system gave up: No space left on device" in said
    storyboard("render", film)
