"""What a screenplay may ask for: the command says it, and faults stand where it is exceeded, with the option's name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from storyboard.breakdown import break_down
from storyboard.demand import check_demand, demand_of
from storyboard.errors import CommandError, Fault, ScreenplayError
from storyboard.film import prepare, produce
from storyboard.limits import Limits
from storyboard.profiles import in_profile
from storyboard.screenplay import loads
from tests.films import scene, screenplay, storyboard, text_of

COMMIT = "abcdef0123" * 4
HUB = {"name": "ltx", "model": "org/name", "revision": COMMIT, "download": True}


def refused(film: dict[str, object], limits: Limits | None = None, folder: Path = Path()) -> tuple[Fault, ...]:
    """The faults of a film, there or when it is broken down."""
    with pytest.raises(ScreenplayError) as caught:
        break_down(loads(text_of(film), "film.yaml", folder, limits=limits))
    return caught.value.faults


def test_frames_of_the_film_are_bounded_at_the_scene_that_is_too_much() -> None:
    film = screenplay([scene("a", 2), scene("b", 2), scene("c", 2)])
    (fault,) = refused(film, Limits(frames=40))
    assert fault.path == ("scenes", 2, "duration") and "48 frames" in fault.message
    assert "--max-frames" in (fault.hint or "")
    assert break_down(loads(text_of(film), limits=Limits(frames=70))).frames == 48


def test_frames_to_shoot_are_bounded_where_an_engine_shoots_more_than_are_shown() -> None:
    film = screenplay([scene("a", 1), scene("b", 1)], engine={"name": "animatic", "rate": 240})
    (fault,) = refused(film, Limits(frames=300))
    assert "frames to shoot" in fault.message and fault.path == ("scenes", 1)


def test_shots_are_bounded_and_counting_ends_there() -> None:
    film = screenplay([scene("a", 100)], engine={"name": "animatic", "window": 10, "tail": 2})
    (fault,) = refused(film, Limits(shots=20))
    assert "`a/21` is one more than the 20" in fault.message and "--max-shots" in (fault.hint or "")
    cards = screenplay([scene(f"c{number}", card={"text": "x"}) for number in range(4)])
    (fault,) = refused(cards, Limits(shots=3))
    assert fault.path == ("scenes", 3)


@pytest.mark.parametrize("where", ["format", "engine", "scene"])
def test_pixels_are_bounded_wherever_a_size_is_said(where: str) -> None:
    size = {"width": 400, "height": 300}
    film = screenplay([scene("a"), scene("b")])
    if where == "format":
        film["format"] = size
    elif where == "engine":
        film["engine"] = {"name": "animatic", **size}
    else:
        film = screenplay([scene("a"), scene("b", engine={"name": "animatic", **size})])
    (fault,) = refused(film, Limits(pixels=119_999))
    assert fault.path[-1] == "width" and fault.hint == "make it smaller; or `--max-pixels 120000` allows it"
    assert break_down(loads(text_of(film), limits=Limits(pixels=120_000))).shots


def test_a_profile_has_the_limits_of_its_screenplay() -> None:
    film = screenplay([scene("a")], profiles={"big": {"format": {"width": 1000, "height": 1000}}})
    play = loads(text_of(film), limits=Limits(pixels=10_000))
    assert break_down(play).shots
    with pytest.raises(ScreenplayError, match="1000x1000 has 1,000,000 pixels"):
        break_down(in_profile(play, "big"))


def test_a_screenplay_cannot_name_its_own_limits() -> None:
    for field in ("limits", "max_frames", "max-frames", "allow_outside", "allow_model"):
        with pytest.raises(ScreenplayError, match="unknown field"):
            loads(text_of(screenplay([scene("a")], **{field: 1})))
        faults = refused(screenplay([scene("a")], engine={"name": "animatic", field: 1}))
        assert "unknown field" in faults[0].message


def test_weights_are_fetched_only_where_screenplay_and_command_say_so() -> None:
    film = screenplay([scene("a")], engine=HUB, format={"width": 768, "height": 512, "rate": 24})
    (fault,) = refused(film)
    assert fault.path == ("engine", "download") and "may not be fetched" in fault.message
    assert "`--allow-model org/name`" in (fault.hint or "")
    for other in ("org/other", f"org/name@{'f' * 40}", "org", "name"):
        assert refused(film, Limits(models=frozenset({other}))) == (fault,)
    for named in ("org/name", f"org/name@{COMMIT}"):
        shots = break_down(loads(text_of(film), limits=Limits(models=frozenset({named})))).shots
        assert {shot.engine.options.model_dump()["download"] for shot in shots.values()} == {True}


def test_a_lora_and_the_other_parts_of_a_model_need_leave_too() -> None:
    lora = {"repo": "far/lora", "revision": COMMIT}
    film = screenplay([scene("a")], engine={**HUB, "loras": [lora]}, format={"width": 768, "height": 512, "rate": 24})
    (fault,) = refused(film, Limits(models=frozenset({"org/name"})))
    assert "far/lora" in fault.message
    film = screenplay([scene("a")], engine={"name": "framepack", "download": True})
    assert len(refused(film)) >= 3, "the transformer, the base and what looks at the picture"


def test_what_is_here_is_used_and_never_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path), raising=False)
    place = tmp_path / "models--org--name" / "snapshots" / COMMIT
    for part in ("transformer", "vae", "text_encoder"):
        (place / part).mkdir(parents=True)
        (place / part / "config.json").write_text("{}")
    film = screenplay([scene("a")], engine=HUB, format={"width": 768, "height": 512, "rate": 24})
    shots = break_down(loads(text_of(film))).shots
    assert {shot.engine.options.model_dump()["download"] for shot in shots.values()} == {False}


def test_assets_outside_need_leave(tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "film"
    folder.mkdir()
    Image.new("RGB", (96, 54)).save(tmp_path / "city.png")
    (folder / "link.png").symlink_to(tmp_path / "city.png")
    for name in ("../city.png", str(tmp_path / "city.png"), "link.png"):
        film = screenplay([scene("a", start={"image": name}, continues="nothing")])
        (fault,) = refused(film, folder=folder)
        assert "--allow-outside" in (fault.hint or ""), fault
        play = loads(text_of(film), folder=folder, limits=Limits(outside=True))
        (shot,) = break_down(play).shots.values()
        assert shot.start is not None and shot.start.path == (tmp_path / "city.png").resolve()
    for name in ("~/city.png", "https://example.com/city.png", "../nowhere.png"):
        film = screenplay([scene("a", start={"image": name}, continues="nothing")])
        refused(film, Limits(outside=True), folder)


# Disk and time


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.yaml"
    path.write_text(text_of(screenplay([scene("a"), scene("b")])))
    return path


def test_a_film_that_cannot_fit_the_disk_is_not_begun(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need = demand_of(prepare(film))
    assert need.shared and need.vault > need.film > 0
    for free, told in ((need.vault + need.film - 1, "the vault needs about"), (need.film - 1, "the vault needs about")):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: _Usage(free, 0, free))
        with pytest.raises(CommandError, match=told) as caught:
            list(produce(prepare(film)))
        assert "--vault" in (caught.value.hint or "") and not (film.parent / "renders").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(0, 0, need.vault + need.film))
    assert list(produce(prepare(film)))


def test_the_estimate_of_a_finished_films_next_shots_is_that_of_its_takes(film: Path) -> None:
    before = demand_of(prepare(film))
    list(produce(prepare(film)))
    finished = prepare(film)
    assert demand_of(finished).vault == demand_of(finished).film, "only the movie's pieces"
    film.write_text(film.read_text().replace("This is b", "That is b"))
    production = prepare(film)
    (there,) = production.plan.takes.values()
    count = next(each for each in production.plan if each.take is None).shot.frames
    again = demand_of(production)
    assert again.vault - again.film == round(there.size / len(there.frames) * count)
    assert again.vault < before.vault * 20


def test_a_film_that_would_take_too_long_is_not_begun(film: Path) -> None:
    list(produce(prepare(film)))
    film.write_text(film.read_text().replace("This is", "That is"))
    production = prepare(film, limits=Limits(seconds=0.000001))
    assert demand_of(production).seconds
    with pytest.raises(CommandError, match="are allowed") as caught:
        check_demand(production)
    assert "--max-seconds" in (caught.value.hint or "")
    check_demand(prepare(film, limits=Limits(seconds=10_000)))


# The command


def test_the_options_of_the_command(film: Path) -> None:
    told = storyboard("check", film, "--max-frames", 15, check=2).stderr
    assert "film.yaml:11:13: up to the end of this scene the film has 16 frames; 15 are allowed" in told
    assert "--max-shots" in storyboard("plan", film, "--max-shots", 1, check=2).stderr
    assert "--max-pixels" in storyboard("render", film, "--max-pixels", 100, check=2).stderr
    for wrong in ("0", "-1", "x", "1e9", "9" * 30):
        assert "no whole number" in storyboard("check", film, f"--max-frames={wrong}", check=2).stderr
    disk = json.loads(storyboard("plan", film, "--json").stdout)["disk"]
    assert disk.keys() == {"vault", "film", "vault_free", "film_free"} and disk["vault"] > 0
    assert "disk: about " in storyboard("plan", film).stdout
