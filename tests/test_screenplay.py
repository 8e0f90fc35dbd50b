"""What the author writes: all faults at once in plain words, and what a sound screenplay says."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from storyboard.checks import find_cycles
from storyboard.digest import canonical
from storyboard.errors import ScreenplayError
from storyboard.excerpt import MOST_FAULTS
from storyboard.screenplay import (
    MOST_SCENES,
    EngineChoice,
    Format,
    Screenplay,
    asset_path,
    json_schema,
    load,
    loads,
)
from storyboard.source import parse_source
from storyboard.timing import Duration, Rate
from storyboard.wording import SENTENCES

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = Path(__file__).parent.parent / "schemas" / "screenplay.json"
REGENERATE = "python tests/golden/regenerate.py, and read the difference"
JARGON = re.compile(r"pydantic|Input should|validat|value_error|Extra inputs|NoneType|\bstr\b|\bdict\b|\bint\b", re.I)

FILM = """\
storyboard: 1
title: The Teddy Bear Goes Under
engine: pocket
format: {width: 128, height: 128, rate: 24000/1001}
seed: 7
style: photorealistic
negative: blurry, watermark
cast:
  teddy: a photorealistic teddy bear
  panda: {description: a panda bear, reference: panda.png}
scenes:
  - id: surface
    prompt: "{teddy} is   swimming in the ocean at San Francisco. "
    duration: 4s
  - id: under
    duration: 6s
    beats:
      - {at: 0s, prompt: The teddy bear goes under water.}
      - {at: 3.25, prompt: "It meets {panda}, who says {{hello}}."}
  - id: panda
    prompt: A panda bear is swimming under water.
    duration: 96f
    continues: surface
    leads_into: fireworks
    take: 2
  - id: fireworks
    prompt: Fireworks over the city at night.
    duration: 3s
    engine: {name: ltx, steps: 8, loras: [{name: grain, weight: 0.5}]}
    transition: {kind: dissolve, duration: 0.5s}
    start: {image: panda.png}
    end: {image: panda.png}
    seed: 3
    negative: smoke
  - id: archive
    footage: {file: panda.png, from: 2s}
    duration: 00:00:02.5
  - id: shore
    prompt: The shore.
    duration: 1s
  - id: credits
    card: {text: "Made with storyboard", color: "#202020"}
    duration: 2s
  - id: after
    prompt: Morning.
    duration: 1s
  - id: morning
    prompt: More of the morning.
    duration: 1s
    continues: nothing
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "panda.png").write_bytes(b"looked for, never read")
    (tmp_path / "film.yaml").write_text(FILM)
    return tmp_path


@pytest.mark.parametrize("film", sorted(path.name for path in GOLDEN.glob("*.yaml")))
def test_faulty_screenplays_are_reported_word_for_word(film: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    with pytest.raises(ScreenplayError) as caught:
        load(Path(film))
    expected = Path(film).with_suffix(".txt").read_text(encoding="utf-8")
    assert f"{caught.value}\n" == expected, f"if this is meant: {REGENERATE}"
    for fault in caught.value.faults:
        assert not JARGON.search(f"{fault.message} {fault.hint}")
        assert not fault.message.endswith(".") and not (fault.hint or "").endswith(".")


def test_the_words_are_the_same_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    for film in sorted(Path().glob("*.yaml")):
        with pytest.raises(ScreenplayError) as caught:
            load(film)
        assert f"{caught.value}\n" == film.with_suffix(".txt").read_text(encoding="utf-8")


def test_there_are_many_golden_films_and_none_is_without_its_report() -> None:
    films = {path.stem for path in GOLDEN.glob("*.yaml")}
    assert films == {path.stem for path in GOLDEN.glob("*.txt")}
    assert len(films) >= 36


def test_a_sound_screenplay_is_read_with_its_lines(folder: Path) -> None:
    film = load(folder / "film.yaml")
    assert film.title == "The Teddy Bear Goes Under"
    assert film.format == Format(width=128, height=128, rate=Rate.parse("24000/1001"), fit="cover")
    assert film.engine is not None and (film.engine.name, film.engine.options) == ("pocket", {})
    fireworks = film.scenes[3]
    assert fireworks.engine == EngineChoice.model_validate(
        {"name": "ltx", "steps": 8, "loras": [{"name": "grain", "weight": 0.5}]}
    )
    assert fireworks.engine is not None and fireworks.engine.options["steps"] == 8
    assert fireworks.transition is not None and fireworks.transition.duration == Duration.parse("0.5s")
    assert film.scenes[4].footage is not None and film.scenes[4].footage.from_ == Duration.parse(2)
    assert film.scenes[2].duration == Duration.parse("96f")
    assert film.folder == folder
    assert film.source.name == str(folder / "film.yaml")
    lines = FILM.splitlines()
    assert [lines[film.line(index) - 1] for index, _ in enumerate(film.scenes)] == [
        f"  - id: {scene.id}" for scene in film.scenes
    ]


def test_prompts_are_resolved_with_cast_and_style(folder: Path) -> None:
    film = load(folder / "film.yaml")
    first = "a photorealistic teddy bear is swimming in the ocean at San Francisco, photorealistic"
    assert film.resolved_prompt(film.scenes[0].prompt or "") == first
    meets = film.resolved_prompt(film.scenes[1].beats[1].prompt)
    assert meets == "It meets a panda bear, who says {hello}, photorealistic"
    plain = loads("scenes: [{id: a, prompt: A  bear\tswims., duration: 1s}]")
    assert plain.resolved_prompt("A  bear\n swims. ") == "A bear swims."


def test_a_description_is_put_in_as_it_is() -> None:
    film = loads("cast: {a: '{b} {0} \\1 %s'}\nscenes: [{id: a, prompt: 'x {a}', duration: 1s}]")
    assert film.resolved_prompt("x {a}") == "x {b} {0} \\1 %s"


def test_each_scene_knows_what_it_continues(folder: Path) -> None:
    film = load(folder / "film.yaml")
    continued = {scene.id: film.predecessor(index) for index, scene in enumerate(film.scenes)}
    assert continued == {
        "surface": None,
        "under": "surface",
        "panda": "surface",
        "fireworks": None,
        "archive": None,
        "shore": "archive",
        "credits": None,
        "after": None,
        "morning": None,
    }


def test_the_canonical_screenplay_is_plain_and_loads_as_the_same_film(folder: Path) -> None:
    film = load(folder / "film.yaml")
    again = loads(yaml.safe_dump(film.canonical(), sort_keys=False), "again", folder)
    assert canonical(again.canonical()) == canonical(film.canonical())
    assert again.scenes == film.scenes and again.cast == film.cast and again.format == film.format
    assert film.canonical()["storyboard"] == 1
    assert "take" not in json.dumps(film.canonical()["scenes"][0])  # type: ignore[index,call-overload]


def test_nothing_of_a_screenplay_can_be_changed(folder: Path) -> None:
    film = load(folder / "film.yaml")
    with pytest.raises(ValidationError):
        film.title = "Another"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        film.scenes[0].take = 3  # type: ignore[misc]


def test_assets_stay_inside_the_folder_whatever_links_say(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.png").write_bytes(b"x")
    (folder / "assets").mkdir()
    (folder / "assets" / "inside.png").symlink_to(folder / "panda.png")
    (folder / "link.png").symlink_to(outside / "secret.png")
    (folder / "linked").symlink_to(outside)
    (folder / "loop.png").symlink_to(folder / "loop.png")
    film = load(folder / "film.yaml")
    assert asset_path(film, "assets/inside.png") == (folder / "panda.png").resolve()
    assert asset_path(film, "assets/../panda.png") == (folder / "panda.png").resolve()
    for name in ("link.png", "linked/secret.png", "loop.png", f"../{folder.name}x/a.png", "assets", "/dev/null", "x\0"):
        with pytest.raises(ScreenplayError) as caught:
            asset_path(film, name, ("scenes", 3, "start", "image"))
        assert str(caught.value).startswith(f"{folder / 'film.yaml'}:31:20: "), name


def test_faults_of_the_text_and_of_the_film_are_told_together() -> None:
    with pytest.raises(ScreenplayError) as caught:
        loads("title: A\ntitle: B\nseed: .nan\nscenes: [{id: a, prompt: '{b}', duration: 1s}]\nstile: x")
    assert [fault.path for fault in caught.value.faults] == [
        ("title",),
        ("seed",),
        ("scenes", 0, "prompt"),
        ("stile",),
    ]


def test_many_faults_are_bounded_and_the_first_are_shown() -> None:
    scenes = "".join(f"- {{id: s{number}, prompt: '{{nobody}}', duration: 1s}}\n" for number in range(5000))
    with pytest.raises(ScreenplayError) as caught:
        loads(f"scenes:\n{scenes}", "film.yaml")
    report = str(caught.value)
    assert report.startswith("film.yaml:2:21: ") and report.count("names nobody") == MOST_FAULTS


def test_too_many_scenes_are_one_fault() -> None:
    with pytest.raises(ScreenplayError, match="scenes; 20,000 are the most"):
        loads("scenes:\n" + "- {id: a}\n" * (MOST_SCENES + 1))


def test_a_film_of_10_000_scenes_is_one_chain_and_no_recursion() -> None:
    scenes = "".join(f"- {{id: s{number}, prompt: Rain., duration: 1s}}\n" for number in range(10_000))
    film = loads(f"scenes:\n{scenes}")
    assert film.predecessor(9_999) == "s9998" and film.line(9_999) == 10_001
    with pytest.raises(ScreenplayError, match=r"s0 -> s9999 -> s9998 -> s9997 -> \.\.\. -> s2 -> s1 -> s0"):
        loads(f"scenes:\n{scenes}".replace("{id: s0,", "{id: s0, leads_into: s9999,"))


@given(st.lists(st.lists(st.integers(0, 11), max_size=2), min_size=12, max_size=12))
@settings(deadline=None)
def test_cycles_are_found_where_there_are_some(edges: list[list[int]]) -> None:
    cycles = list(find_cycles(edges))
    for cycle in cycles:
        assert len(set(cycle)) == len(cycle)
        assert all(following in edges[one] for one, following in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    free = {place for place in range(12) if not edges[place]}
    while more := {place for place in range(12) if place not in free and free.issuperset(edges[place])}:
        free |= more
    assert bool(cycles) == (len(free) < 12)


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_bytes_that_went_wrong_are_faults_and_nothing_else(data: st.DataObject) -> None:
    raw = bytearray(FILM.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        gone = data.draw(st.integers(0, 12))
        raw[at : at + gone] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b"{", b"- ", b": ", b"\n", b"*", b"'"])
        )
    _read(raw.decode("utf-8", "surrogateescape"))


KINDS = SENTENCES.keys() | {"missing", "extra_forbidden", "value_error"}
VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        10**18,
        "",
        "text",
        "4s",
        "surface",
        "#101020",
        [],
        ["text"],
        {},
        {"text": None},
        [[]],
        [None],
    ]
)


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_values_of_every_kind_in_every_place_are_told_in_plain_words(data: st.DataObject) -> None:
    film = yaml.load(FILM, yaml.BaseLoader)
    part = film
    while True:
        step = data.draw(st.sampled_from(list(part) if isinstance(part, dict) else range(len(part))))
        inner = part[step]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        part = inner
    part[step] = data.draw(VALUES)
    text = yaml.safe_dump(film, sort_keys=False)
    report = _read(text)
    assert not JARGON.search(report), report
    with contextlib.suppress(ScreenplayError):
        _known_kinds(parse_source(text, "x").data)


def _known_kinds(data: object) -> None:
    try:
        Screenplay.model_validate(data)
    except ValidationError as error:
        assert {details["type"] for details in error.errors()} <= KINDS


def _read(text: str) -> str:
    try:
        loads(text, folder=GOLDEN)
    except ScreenplayError as error:
        assert error.faults and str(error)
        return str(error)
    return ""


def test_the_schema_in_the_repository_is_the_one_of_the_models() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"


def test_the_schema_says_something_about_every_field_of_every_part() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    parts = {"Screenplay": schema, **definitions}
    assert set(parts) >= {"Scene", "Beat", "Card", "CastMember", "EngineChoice", "Format", "OwnFootage", "Transition"}
    for name, part in parts.items():
        mapping = part["anyOf"][1] if "anyOf" in part else part
        assert mapping["description"] and mapping["properties"], name
        for field, said in mapping["properties"].items():
            assert said["description"] and (said.get("title") or "$ref" in said), (name, field)
    for reference in re.findall(r'"\$ref": "#/\$defs/(\w+)"', json.dumps(schema)):
        assert reference in definitions


@pytest.mark.parametrize(
    "text", ["4", "4s", "4.5s", "0.125", "1:30", "00:01:30.5", "96f", "4 s", "-4s", "", "f", "1:2:3:4"]
)
def test_the_schema_and_the_loader_agree_on_times(text: str) -> None:
    (duration,) = _patterns(json_schema()["$defs"]["Beat"]["properties"]["at"])  # type: ignore[index]
    film = f"scenes: [{{id: a, prompt: Rain., duration: '{text}'}}]"
    assert bool(re.search(duration, text)) == (_read(film) == "")


def _patterns(schema: dict[str, list[dict[str, str]]]) -> list[str]:
    return [choice["pattern"] for choice in schema["anyOf"] if "pattern" in choice]


def test_every_model_refuses_what_it_does_not_know() -> None:
    parts: list[type[BaseModel]] = [Screenplay]
    for part in parts:
        parts += [other for other in part.__subclasses__() if other not in parts]
        assert part.model_config.get("frozen") and part.model_config.get("extra") == "forbid"


def test_reading_needs_nothing_heavy() -> None:
    code = (
        "import sys; from storyboard.screenplay import loads; loads('scenes: [{id: a, prompt: Rain., duration: 1s}]');"
        "print(sorted({'numpy', 'PIL', 'av', 'moviepy', 'torch', 'networkx', 'rich'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
