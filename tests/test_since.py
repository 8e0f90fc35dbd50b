"""`plan --since`: a screenplay against what git kept of it, and the table for a pull request."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from storyboard.errors import CommandError, ScreenplayError
from storyboard.film import prepare, produce
from storyboard.reasons import Reached
from storyboard.since import film_since
from storyboard.why import Why, explain
from tests.films import scene, screenplay, storyboard, text_of

ASSETS = Path(__file__).parent.parent / "examples" / "assets"


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=A. Author", "-c", "user.email=author@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True)
    return done.stdout


def commit(folder: Path, *files: str) -> None:
    git(folder, "add", "--", *files)
    git(folder, "commit", "-q", "-m", "A take")


def chain() -> dict[str, object]:
    """Six scenes in two chains; the fourth begins with a picture."""
    scenes = [scene(name) for name in "abcdef"]
    scenes[3]["start"] = {"image": "pictures/dawn.png"}
    return screenplay(scenes, title="T")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A film in a folder of a repository, committed and never rendered."""
    folder = tmp_path / "films"
    (folder / "pictures").mkdir(parents=True)
    shutil.copy(ASSETS / "dawn.png", folder / "pictures")
    path = folder / "film.yaml"
    path.write_text(text_of(chain()))
    git(tmp_path, "init", "-q", "-b", "main")
    commit(folder, "film.yaml", "pictures/dawn.png")
    return path


def edited(path: Path, *pairs: tuple[str, str]) -> None:
    text = path.read_text()
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)


def why_since(path: Path, revision: str, **how: str) -> Why:
    production = prepare(path, **how)  # type: ignore[arg-type]
    return explain(production, film_since(production, revision))


def own(why: Why) -> dict[str, list[str]]:
    """What is said of shots that are touched, but for what reaches them."""
    return {
        each.planned.shot.id: [str(said) for said in each.reasons if "changed" in str(said) or "not in" in str(said)]
        for each in why.touched
    }


def test_what_was_written_since_and_what_it_reaches_though_nothing_is_rendered(film: Path) -> None:
    assert why_since(film, "HEAD").touched == ()
    edited(film, ("This is b.", "Now."), ("title: T", "title: U"))
    why = why_since(film, "main")
    assert own(why) == {"b/1": ['`prompt` changed: "This is b." -> "Now." (line 13)'], "c/1": []}
    assert why.shots["c/1"].reasons[-1] == Reached("tail", ("b/1",))
    assert why.shots["b/1"].reaches == ("c/1",) and [each.field for each in why.idle] == ["title"]
    assert film.read_text().splitlines()[12].strip() == "prompt: Now."


def test_each_revision_is_compared_with_the_film_as_it_is_now(film: Path) -> None:
    edited(film, ("This is b.", "Now."))
    commit(film.parent, "film.yaml")
    git(film.parent, "tag", "second")
    edited(film, ("This is e.", "Then."))
    assert list(own(why_since(film, "second"))) == ["e/1", "f/1"]
    assert list(own(why_since(film, "second~1"))) == ["b/1", "c/1", "e/1", "f/1"]
    edited(film, ("Now.", "This is b."), ("Then.", "This is e."))
    assert list(own(why_since(film, "main"))) == ["b/1", "c/1"]
    assert list(own(why_since(film, git(film.parent, "rev-parse", "HEAD~1").strip()))) == []


def test_scenes_that_came_and_went(film: Path) -> None:
    scenes = [scene(name) for name in "abc"] + [scene("new")]
    film.write_text(text_of(screenplay(scenes, title="T")))
    why = why_since(film, "HEAD")
    assert own(why) == {"new/1": ["it was not in `HEAD`"]} and why.gone == ("d/1", "e/1", "f/1")


def test_pictures_are_those_of_then(film: Path) -> None:
    shutil.copy(ASSETS / "evening.png", film.parent / "pictures" / "dawn.png")
    why = why_since(film, "HEAD")
    assert list(own(why)) == ["d/1", "e/1", "f/1"]
    assert own(why)["d/1"][0].startswith("`start.image` changed: ")
    (film.parent / "pictures" / "dawn.png").rename(film.parent / "moved.png")
    edited(film, ("pictures/dawn.png", "moved.png"))
    assert own(why_since(film, "HEAD"))["d/1"] == [
        '`start.image` changed: "pictures/dawn.png" -> "moved.png" (line 21)'
    ]
    shutil.copy(ASSETS / "dawn.png", film.parent / "moved.png")
    why = why_since(film, "HEAD")
    assert why.touched == () and [each.field for each in why.idle] == ["start.image"], "the same picture"


def test_what_git_does_not_keep_is_taken_as_it_is(film: Path) -> None:
    edited(film, ("pictures/dawn.png", "evening.png"))
    shutil.copy(ASSETS / "evening.png", film.parent)
    commit(film.parent, "film.yaml")
    assert why_since(film, "HEAD").touched == ()
    edited(film, ("evening.png", "pictures/dawn.png"))
    (film.parent / "evening.png").unlink()
    with pytest.raises(ScreenplayError, match=r"HEAD:film.yaml:21:12: there is no file `evening.png`"):
        why_since(film, "HEAD")


def test_sounds_are_those_of_then(film: Path) -> None:
    sounds = ["sea.ogg", {"file": "horn.ogg", "gain": -6}]
    heard = {**chain(), "sound": "sea.ogg"}
    heard["scenes"] = [scene("a", sound=sounds), scene("b", sound="own")]
    film.write_text(text_of(heard))
    for name in ("sea.ogg", "horn.ogg"):
        shutil.copy(ASSETS / name, film.parent)
    commit(film.parent, "film.yaml", "sea.ogg", "horn.ogg")
    edited(film, ("sound: sea.ogg", "sound: []"), ("  - sea.ogg\n", ""))
    (film.parent / "sea.ogg").unlink()
    before = film_since(prepare(film), "HEAD").screenplay
    assert before is not None and [len(before.sound), len(before.scenes[0].sound)] == [1, 2]


def test_takes_of_then_tell_that_a_tail_is_the_same(film: Path) -> None:
    list(produce(prepare(film)))
    edited(film, ("duration: 1\n  prompt: This is b.", "duration: 2\n  prompt: This is b."))
    commit(film.parent, "film.yaml")
    list(produce(prepare(film)))
    assert list(own(why_since(film, "HEAD~1"))) == ["b/1", "c/1"]
    why = why_since(film, "HEAD")
    assert why.touched == ()
    edited(film, ("This is a.", "Now."))
    states = {each.planned.shot.id: each.planned.state.value for each in why_since(film, "HEAD").touched}
    assert states == {"a/1": "miss", "b/1": "waiting", "c/1": "waiting"}


def test_engines_and_profiles_are_the_same_on_both_sides(film: Path) -> None:
    assert why_since(film, "HEAD", engine="strict").touched == ()
    film.write_text(film.read_text() + "profiles: {draft: {engine: strict}}\n")
    why = why_since(film, "HEAD", profile="draft")
    assert own(why)["a/1"] == ['the film\'s `engine` changed: "animatic" -> "strict" (line 28)']
    commit(film.parent, "film.yaml")
    assert why_since(film, "HEAD", profile="draft").touched == ()


def test_what_git_cannot_tell_is_told_plainly(film: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    def refused(path: Path, revision: str) -> str:
        with pytest.raises(CommandError) as caught:
            why_since(path, revision)
        assert caught.value.hint
        return str(caught.value)

    for revision in ("nowhere", "--all", "HEAD~9", ""):
        assert refused(film, revision) == f"git knows no revision `{revision}`"
    other = film.with_name("other.yaml")
    other.write_text(film.read_text())
    assert refused(other, "HEAD") == "`other.yaml` was not there at `HEAD`"
    outside = tmp_path_factory.mktemp("outside") / "film.yaml"
    outside.write_text(text_of(screenplay([scene("a")])))
    assert refused(outside, "HEAD") == "cannot compare `film.yaml`: it is in no git repository"
    film.write_text("scenes: [{id: a, prompt: A., duraton: 1s}]\n")
    commit(film.parent, "film.yaml")
    film.write_text(text_of(chain()))
    with pytest.raises(ScreenplayError, match=r"HEAD:film.yaml:1:30: unknown field `duraton`"):
        why_since(film, "HEAD")


def test_without_git_the_author_is_told(film: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="cannot run git"):
        why_since(film, "HEAD")


TABLE = r"""**`film.yaml`**, 7 shots; to shoot: 7 shots, 93 frames

Since `HEAD`: 3 shots new or changed, 2 reached; of these to shoot: 5 shots, 77 frames

| shot | | frames | about | why |
| --- | --- | ---: | ---: | --- |
| `b/1` | to shoot | 16 | ? | `prompt`: `"This is b."` → ``"A \| B `c` <b>bold</b> @everyone *now*"`` (line 16) |
| `c/1` | to shoot | 16 | ? | its tail changes with `b/1` |
| `e/1` | to shoot | 24 | ? | `duration`: `"1s"` → `"16f"` (line 26)<br>`take`: `1` → `2` (line 28) |
| `f/1` | to shoot | 16 | ? | its tail changes with `e/1` |
| `new/1` | to shoot | 5 | ? | new |

Changes no shot: the film's `title`, scene `a`: `transition.kind`, scene `a`: `transition.duration`
"""


def test_the_table_for_a_pull_request(film: Path) -> None:
    data = chain()
    data["title"] = "U"
    scenes = data["scenes"]
    assert isinstance(scenes, list)
    scenes[0]["transition"] = {"kind": "fade", "duration": 0.5}
    scenes[1]["prompt"] = "A | B `c` <b>bold</b> @everyone *now*"
    scenes[4] |= {"take": 2, "duration": "16f"}
    scenes.append(scene("new", "5f", continues="nothing"))
    film.write_text(text_of(data))
    said = storyboard("plan", "film.yaml", "--since", "HEAD", "--markdown", cwd=film.parent).stdout
    assert said == TABLE


def test_the_same_for_programs_and_people(film: Path) -> None:
    edited(film, ("This is b.", "Now."))
    plan = json.loads(storyboard("plan", film, "--since", "HEAD", "--json").stdout)
    assert plan["since"] == "HEAD"
    assert plan["touched"] == {"all": 2, "shots": 2, "frames": 32, "estimate_seconds": None}
    shots = {shot["id"]: shot for shot in plan["shots"]}
    assert shots["b/1"]["changes"] == [
        {"field": "prompt", "of": "scene", "before": "This is b.", "after": "Now.", "line": 13}
    ]
    assert (shots["b/1"]["reaches"], shots["c/1"]["reached_from"]) == (["c/1"], ["b/1"])
    assert (shots["a/1"]["state"], shots["a/1"]["changes"]) == ("miss", [])
    lines = storyboard("plan", film, "--since", "HEAD").stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith(("miss", "waiting"))] == ["b/1", "c/1"]
    assert "since HEAD: 1 shot new or changed, 1 reached; of these to shoot: 2 shots, 32 frames" in lines
    assert "git knows no revision" in storyboard("plan", film, "--since", "nowhere", check=2).stderr
    storyboard("plan", film, "--markdown", "--json", check=2)
