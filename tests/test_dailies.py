"""Dailies: what they say of a rendered film, the page as a browser shows it, and the report for CI."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from storyboard.cut import Cut, Edit, Strip
from storyboard.dailies import Dailies, look, too_rough
from storyboard.dailies_page import MOST_MOVIE, page_text, write_dailies
from storyboard.dailies_pictures import draw_stills
from storyboard.digest import digest_file, digest_of
from storyboard.errors import CommandError, MissingTakes
from storyboard.film import prepare, produce
from storyboard.footage import Footage
from storyboard.project import places
from storyboard.reel import Reel, ReelScene, ReelShot, open_reel
from storyboard.scopes_film import joined_shots
from storyboard.timing import FrameRange, Rate
from storyboard.vault import Vault
from tests.browser import Page, browser, open_browser
from tests.films import broken_down, scene, screenplay, storyboard, text_of

NASTY = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> & \"so\" </article>"
SCENES = [
    scene("a", 2, prompt=NASTY),
    scene("b", 2, continues="a"),
    scene("c", 2, continues="a", transition={"kind": "dissolve", "duration": "3f"}),
    scene("d", 2, continues="nothing", take=3),
    scene("end", 1, card={"text": "End"}),
]
"""`b` goes on from `a`, `c` is a branch from `a` under a dissolve, `d` is a cut."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that was rendered, changed in `c`, and rendered again."""
    path = tmp_path_factory.mktemp("film") / "film.yaml"
    path.write_text(text_of(screenplay(SCENES, title="A <i>film</i>", engine={"name": "animatic", "window": 24})))
    list(produce(prepare(path)))
    path.write_text(path.read_text().replace("This is c.", "This is another c."))
    list(produce(prepare(path)))
    storyboard("dailies", path)
    return path


@pytest.fixture(scope="module")
def dailies(film: Path) -> Dailies:
    where = places(film)
    vault = Vault(where.vault)
    return look(open_reel(where, vault), vault)


def page_of(film: Path) -> Path:
    return places(film).out / "dailies.html"


# What was rendered


def test_a_reel_says_what_is_where_and_what_was_shot_last(dailies: Dailies) -> None:
    reel = dailies.reel
    spans = [(shot.id, shot.film.start, shot.film.stop) for shot in reel.shots]
    assert spans == [("a/1", 0, 16), ("b/1", 16, 32), ("c/1", 32, 48), ("d/1", 48, 64), ("end/1", 64, 72)]
    assert [shot.continues for shot in reel.shots] == [None, "a/1", "a/1", None, None]
    assert [shot.chain for shot in reel.shots] == [0, 0, 1, 2, 3]
    assert [shot.was_shot for shot in reel.shots] == [False, False, True, False, False]
    assert [shot.plain.start for shot in reel.shots] == [0, 16, 35, 48, 64]
    scenes = [(each.id, each.take, each.transition) for each in reel.scenes]
    assert scenes[2:4] == [("c", 1, "dissolve"), ("d", 3, None)]
    assert [shot.drawn for shot in reel.shots] == [True] * 4 + [False]
    assert [(seam.before, seam.after) for seam in dailies.seams] == [("a/1", "b/1")]


def test_joins_are_those_of_the_breakdown(tmp_path: Path) -> None:
    """Whatever a screenplay joins: several shots a scene, branches, lead-ins, own starts, cards."""
    scenes = [
        scene("a", 3, leads_into="c"),
        scene("card", card={"text": "Then"}),
        scene("b", 2),
        scene("c", 3, continues="nothing"),
        scene("d", 2, continues="a"),
        scene("e", 1),
    ]
    data = screenplay(scenes, engine={"name": "animatic", "tail": 3, "head": 2, "window": 16})
    path = tmp_path / "film.yaml"
    path.write_text(text_of(data))
    list(produce(prepare(path)))
    where = places(path)
    reel = open_reel(where, Vault(where.vault))
    assert reel.joined == joined_shots(broken_down(data)) and ("a/2", "c/1") in reel.joined


def test_a_changed_screenplay_does_not_matter_and_nothing_is_shot(film: Path, tmp_path: Path) -> None:
    copy = tmp_path / "film.yaml"
    copy.write_text("not: a screenplay")
    where = replace(places(film), screenplay=copy)
    assert [shot.id for shot in open_reel(where, Vault(where.vault)).shots][:2] == ["a/1", "b/1"]


def test_without_a_film_there_are_no_dailies(film: Path, tmp_path: Path) -> None:
    copy = tmp_path / "film.yaml"
    shutil.copy(film, copy)
    done = storyboard("dailies", copy, check=2)
    assert "has not been rendered" in done.stderr and "storyboard render film.yaml" in done.stderr
    assert not (tmp_path / "renders").exists()
    out = tmp_path / "out"
    shutil.copytree(places(film).out, out)
    empty = places(film, out=out, vault=tmp_path / "empty")
    with pytest.raises(MissingTakes, match="5 of the film's 5 shots have no take in the vault: `a/1`"):
        open_reel(empty, Vault(empty.vault))
    (out / "film.mp4").write_bytes(b"another")
    with pytest.raises(CommandError, match="not the movie that was rendered"):
        open_reel(empty, Vault(places(film).vault))


def test_films_that_share_a_folder_keep_their_own_pages(tmp_path: Path) -> None:
    for name in ("one", "two"):
        copy = tmp_path / f"{name}.yaml"
        copy.write_text(text_of(screenplay([scene(name, "2f")])))
        for engine in (None, "strict"):
            list(produce(prepare(copy, out=tmp_path / "out", engine=engine)))
            where = places(copy, out=tmp_path / "out", variant=engine)
            vault = Vault(where.vault)
            write_dailies(look(open_reel(where, vault), vault), vault)
    pages = sorted(path.name for path in (tmp_path / "out").glob("*.html"))
    assert pages == ["dailies.html", "dailies.strict.html", "two.dailies.html", "two.dailies.strict.html"]
    assert "This is one." in (tmp_path / "out" / "dailies.html").read_text()
    assert len(list((tmp_path / "out").glob("*contact-sheet*.png"))) == 4


# Measures of known footage, as dailies judge them


def reel_of(tmp_path: Path, shots: list[tuple[np.ndarray, str | None]], engine: str = "animatic") -> tuple[Reel, Vault]:
    """A film of takes: frames of each shot, and the shot that it goes on from."""
    vault, found, edits, scenes, first = Vault(tmp_path / "vault"), [], [], [], 0
    model = open_model(tmp_path)
    for number, (frames, continues) in enumerate(shots):
        name, span = f"s{number}/1", FrameRange(first, first + len(frames))
        key = digest_of([number, len(shots)])
        take = vault.put(key, {}, Footage(np.ascontiguousarray(frames), Rate(Fraction(8))), {})
        record = replace(model.shots[0].record, id=name, scene=f"s{number}", key=key, engine=engine)
        shown, chain = tuple(range(len(frames))), number if continues is None else 0
        found.append(ReelShot(name, span, shown, span, take, record, True, continues, None, chain))
        edits.append(Edit(first, Strip(key, range(len(frames))), name, f"s{number}", number + 1))
        scenes.append(ReelScene(f"s{number}", number + 1, span, 1, None))
        first = span.stop
    height, width = shots[0][0].shape[1:3]
    cut = Cut(width, height, Rate(Fraction(8)), "cover", tuple(edits))
    return replace(model, cut=cut, scenes=tuple(scenes), shots=tuple(found)), vault


def open_model(tmp_path: Path) -> Reel:
    """A reel to take all else from."""
    path = tmp_path / "model.yaml"
    path.write_text(text_of(screenplay([scene("s0", "2f")])))
    list(produce(prepare(path)))
    where = places(path)
    return open_reel(where, Vault(where.vault))


def grey(levels: list[int]) -> np.ndarray:
    return np.full((len(levels), 36, 48, 3), np.reshape(levels, (-1, 1, 1, 1)), np.uint8)


def test_black_and_frozen_frames_are_found_and_the_worst_seam_is_first(tmp_path: Path) -> None:
    rising = [*range(60, 108, 3)]
    shots = [
        (grey(rising), None),
        (grey([*range(108, 156, 3)]), "s0/1"),
        (grey([*range(180, 212, 4), *[5, 5, 5]]), "s1/1"),
        (grey([80] * 12), None),
    ]
    reel, vault = reel_of(tmp_path, shots)
    found = look(reel, vault)
    assert [(seam.after, seam.figure) for seam in found.worst] == [("s2/1", pytest.approx(27 / 3.5)), ("s1/1", 1)]
    assert [seam.after for seam in too_rough(found, 2)] == ["s2/1"] and too_rough(found, 9.5) == ()
    assert found.shots["s2/1"].black == (FrameRange(40, 43),) and found.shots["s2/1"].frozen == ()
    assert found.shots["s3/1"].frozen == (FrameRange(43, 55),) and found.shots["s0/1"].frozen == ()
    assert found.shots["s0/1"].flicker == pytest.approx(1 - 3 / 255) and found.shots["s3/1"].flicker == 1
    assert found.shots["s0/1"].luma == pytest.approx(82.5)
    assert found.cuts.right == (43,) and found.cuts.extra == (32, 40)
    (drift,) = found.drifts
    first, second, third = (found.shots[name].luma or 0 for name in ("s0/1", "s1/1", "s2/1"))
    assert drift.luma == pytest.approx((2 * (second - first) + (third - first)) / first)
    assert drift.shots == ("s0/1", "s1/1", "s2/1") and drift.sharpness is None


@pytest.mark.parametrize("engine", ["card", "archive"])
def test_cards_and_own_footage_may_stand_and_be_black(tmp_path: Path, engine: str) -> None:
    reel, vault = reel_of(tmp_path, [(grey([0] * 12), None)], engine)
    figures = look(reel, vault).shots["s0/1"]
    assert figures.black == figures.frozen == ()


# For machines


def test_a_seam_above_the_limit_fails_the_command_and_its_test_case(film: Path, tmp_path: Path) -> None:
    report = tmp_path / "seams.xml"
    done = storyboard("dailies", film, "--junit", report, "--max-seam", "1.05", check=1)
    assert "seam `a/1` | `b/1`" in done.stderr and done.stdout.splitlines()[0].endswith("dailies.html")
    suites = ElementTree.parse(report).getroot()
    seams = suites.find("testsuite[@name='film.yaml: seams']")
    assert seams is not None and (seams.get("tests"), seams.get("failures"), seams.get("errors")) == ("1", "1", "0")
    case = seams.find("testcase")
    assert case is not None and case.get("name") == "a/1 | b/1" and case.find("failure") is not None
    line = film.read_text().splitlines()[int(case.get("line") or 0) - 1]
    assert "b" in line.split()
    storyboard("dailies", film, "--junit", report, "--max-seam", "1000")
    assert ElementTree.parse(report).getroot().find(".//failure") is None
    assert len(ElementTree.parse(report).getroot().findall(".//testcase[@classname='film.shots']")) == 5


@pytest.mark.parametrize("limit", ["0", "-1", "nan", "inf", "much"])
def test_a_limit_is_a_number_above_nothing(film: Path, limit: str) -> None:
    assert "--max-seam" in storyboard("dailies", film, f"--max-seam={limit}", check=2).stderr


# The page


def test_all_texts_are_escaped_and_no_address_is_remote(film: Path) -> None:
    text = page_of(film).read_text()
    assert "<script>document" not in text and "&lt;script&gt;document.title=&#x27;owned&#x27;" in text
    assert "A &lt;i&gt;film&lt;/i&gt;" in text and text.count("<script>") == 1
    assert "http://" not in text and "https://" not in text and 'src="//' not in text


def test_the_sheet_shows_the_middle_of_each_shot(film: Path, dailies: Dailies) -> None:
    with Image.open(places(film).out / "contact-sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    shot = dailies.reel.shots[3]
    middle = Vault(places(film).vault).frames(shot.take, [shot.frames[len(shot.frames) // 2]])[0]
    wanted = np.asarray(Image.fromarray(middle).resize((208, 117), Image.Resampling.LANCZOS)).astype(int)
    windows = [pixels[top : top + 117, left : left + 208] for top, left in ((171, 10), (10, 664), (10, 10))]
    assert min(np.abs(window - wanted).mean() for window in windows if window.shape == wanted.shape) == 0


def test_a_large_movie_stays_beside_the_page(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "my films"
    shutil.copytree(places(film).out, out)
    movie, manifest = out / "film.mp4", out / "manifest.json"
    movie.write_bytes(movie.read_bytes() + (MOST_MOVIE + 8).to_bytes(4, "big") + b"free" + bytes(MOST_MOVIE))
    record = json.loads(manifest.read_text())
    record["movie"] |= {"digest": digest_file(movie), "size": movie.stat().st_size}
    manifest.write_text(json.dumps(record))
    where = places(film, out=out)
    vault = Vault(where.vault)
    page, _ = write_dailies(look(open_reel(where, vault), vault), vault)
    assert '<video src="film.mp4"' in page.read_text() and page.stat().st_size < 500_000


@pytest.mark.long
def test_the_page_of_200_shots_of_noise_is_under_5_mb(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 180, 320, 3), dtype=np.uint8)
    reel, vault = reel_of(tmp_path, [(noise, None), (noise[::-1], "s0/1")])
    few = look(reel, vault)
    shots = [replace(reel.shots[number % 2], id=f"s{number}/1") for number in range(200)]
    scenes = [replace(reel.scenes[number % 2], id=f"s{number}") for number in range(200)]
    many = replace(reel, shots=tuple(shots), scenes=tuple(scenes))
    seams = [replace(few.seams[0], before=out.id, after=into.id) for out, into in pairwise(shots)]
    figures = {shot.id: few.shots["s0/1"] for shot in shots}
    movie = "data:video/mp4;base64," + "A" * (MOST_MOVIE * 4 // 3)
    text = page_text(
        replace(few, reel=many, seams=tuple(seams), shots=figures), draw_stills(many, vault, {})[0], movie, 2
    )
    assert len(text.encode()) < 5_000_000 and text.count("<article") == 200


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if browser() is None:
        pytest.skip("no Chromium is installed")
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


NOW = "document.querySelector('.now [data-part=name]').textContent"
VIDEO = "document.querySelector('video')"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
def test_the_page_in_a_browser(film: Path, page: Page, width: int, height: int, scheme: str) -> None:
    page.errors.clear()
    page.dress(scheme)
    page.open(page_of(film), width, height)
    page.until(f"{VIDEO}.readyState >= 2")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("innerWidth") == width
    light = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] > 127")
    assert light is (scheme == "light")
    assert page.evaluate("document.title") == "Dailies: A <i>film</i>"
    assert page.evaluate("document.querySelector('article .prompt').innerText") == NASTY
    broken = "[...document.images].filter((image) => !image.complete || !image.naturalWidth).length"
    assert page.evaluate(broken) == 0 and page.evaluate("document.images.length") > 15
    assert page.errors == []


def test_keys_move_between_shots_and_play(film: Path, page: Page) -> None:
    page.errors.clear()
    page.open(page_of(film), 1280, 900)
    page.until(f"{VIDEO}.readyState >= 2")
    seen = [page.evaluate(NOW)]
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home"):
        page.press(key)
        seen.append(page.evaluate(NOW))
    assert seen == ["a/1", "b/1", "c/1", "b/1", "end/1", "end/1", "a/1"]
    page.press("ArrowRight")
    page.until(f"!{VIDEO}.seeking && Math.floor({VIDEO}.currentTime * 8) === 16")
    assert page.evaluate("document.querySelectorAll('article[aria-current]').length") == 1
    page.evaluate("document.querySelector('.scenes button').focus()")
    page.press(" ")
    page.until(f"!{VIDEO}.paused && {VIDEO}.currentTime > 2.2")
    page.press(" ")
    page.until(f"{VIDEO}.paused")
    assert page.errors == []


def test_a_movie_beside_the_page_plays(film: Path, page: Page, tmp_path: Path) -> None:
    out = tmp_path / "my films"
    out.mkdir()
    shutil.copy(places(film).movie, out / "film #1.mp4")
    where = places(film)
    vault = Vault(where.vault)
    reel = open_reel(where, vault)
    text = page_text(look(reel, vault), draw_stills(reel, vault, {})[0], "film%20%231.mp4", 2)
    (out / "dailies.html").write_text(text)
    page.errors.clear()
    page.open(out / "dailies.html", 1280, 900)
    page.until(f"{VIDEO}.readyState >= 1 || {VIDEO}.error")
    assert page.evaluate(f"{VIDEO}.duration") == pytest.approx(9, abs=0.2) and page.errors == []


def test_stills_are_small_pictures_of_the_right_frames(dailies: Dailies, film: Path) -> None:
    vault = Vault(places(film).vault)
    stills = draw_stills(dailies.reel, vault, {})[0]
    shot = dailies.reel.shots[1]
    for data, frame in ((stills["b/1"].head, shot.frames[0]), (stills["b/1"].tail, shot.frames[-1])):
        head, _, text = data.partition(",")
        assert head == "data:image/webp;base64"
        with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
            seen = np.asarray(picture.convert("RGB")).astype(int)
        assert np.abs(seen - vault.frames(shot.take, [frame])[0]).mean() < 8
