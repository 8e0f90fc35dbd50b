"""Our engines pass the kit that others are given: each on a tiny checkpoint that is built here, or as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from storyboard import testing
from storyboard.digest import Plain
from storyboard.engines import Assignment, Progress, spec_of
from storyboard.footage import Footage
from tests.tiny import tiny_lora, tiny_ltx, tiny_modelscope
from tests.tiny_cogvideox import tiny_cogvideox
from tests.tiny_easyanimate import tiny_easyanimate
from tests.tiny_framepack import tiny_framepack
from tests.tiny_ltx2 import tiny_ltx2
from tests.tiny_pyramid import tiny_pyramid
from tests.tiny_wan import tiny_wan

Said = dict[str, Plain]


@dataclass(frozen=True)
class Case:
    """How an engine is tried."""

    size: tuple[int, int]
    said: Callable[[Path], Said]
    """Its options, for a checkpoint that is saved into a folder."""
    loras: bool = False
    long: bool = False


def ltx(folder: Path) -> Said:
    return plain(tiny_ltx(folder)) | {"steps": 2, "guidance": 2.0, "max_sequence_length": 64}


def framepack(folder: Path) -> Said:
    return plain(tiny_framepack(folder)) | {"steps": 2, "latent_window_size": 2}


def ltx2(folder: Path) -> Said:
    return plain(tiny_ltx2(folder)) | {"steps": 2, "guidance": 2.0, "modality": 1.0, "max_sequence_length": 128}


def wan(folder: Path) -> Said:
    return plain(tiny_wan(folder)) | {"steps": 2, "guidance": 2.0, "max_sequence_length": 64}


def easyanimate(folder: Path) -> Said:
    return plain(tiny_easyanimate(folder)) | {"steps": 2, "guidance": 2.0, "max_sequence_length": 64}


def pyramid(variant: str) -> Callable[[Path], Said]:
    """Its tokenizer takes letters for words, so there is no room for what is usually added."""
    few: Said = {"steps": [1, 1, 2], "video_steps": [1, 1, 1], "suffix": "", "usual_negative": ""}
    size: Said = {"width": 64, "height": 64, "resolution": "384p"}
    return lambda folder: plain(tiny_pyramid(folder, variant)) | few | size


def plain(model: Path) -> Said:
    return {"model": str(model), "dtype": "float32", "device": "cpu"}


CASES = {
    "animatic": Case((192, 108), lambda folder: {}),
    "pocket": Case((128, 128), lambda folder: {"device": "cpu", "schedule": [1000.0, 500.0]}, long=True),
    "ltx": Case((32, 32), ltx, loras=True),
    "ltx2": Case((32, 32), ltx2, loras=True),
    "cogvideox": Case((32, 32), lambda folder: plain(tiny_cogvideox(folder)) | {"steps": 2}, loras=True),
    "framepack": Case((32, 32), framepack, loras=True),
    "modelscope": Case((16, 16), lambda folder: plain(tiny_modelscope(folder)) | {"steps": 1}),
    "easyanimate": Case((32, 32), easyanimate),
    "pyramid": Case((64, 64), pyramid("flux")),
    "pyramid/mmdit": Case((64, 64), pyramid("mmdit"), long=True),
    "wan": Case((32, 32), wan, loras=True),
}


NAMES = [pytest.param(name, marks=[pytest.mark.long] if case.long else []) for name, case in CASES.items()]


@pytest.fixture(scope="module", params=NAMES)
def trial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[testing.Trial]:
    case, engine = CASES[request.param], request.param.partition("/")[0]
    folder = tmp_path_factory.mktemp(engine)
    said = case.said(folder / "model")
    files = [folder / f"{seed}.safetensors" for seed in (1, 2) if case.loras]
    loras = [{"file": str(tiny_lora(folder / "model", file, seed=int(file.stem)))} for file in files]
    with testing.trial(spec_of(engine), said, size=case.size, loras=loras) as opened:
        yield opened


@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
def test_conformance(trial: testing.Trial, check: Callable[[testing.Trial], None]) -> None:
    check(trial)


@pytest.mark.parametrize(
    ("name", "check", "says"),
    [
        ("dice", testing.the_same_seed_gives_the_same_frames, "other frames the second time"),
        ("dice", testing.it_can_be_cancelled_between_steps, "after a cancelled shot"),
        ("alone", testing.given_pictures_change_the_shot, None),
    ],
)
def test_the_kit_tells_a_good_engine_from_a_bad_one(
    name: str, check: Callable[[testing.Trial], None], says: str | None
) -> None:
    with testing.trial(spec_of(name), size=(96, 54)) as opened:
        if says is None:
            check(opened)
            return
        with pytest.raises(AssertionError, match=says):
            check(opened)


def test_the_kit_hears_of_an_engine_that_does_not_listen() -> None:
    """One that looks at nothing but its seed: every check of what it is given says so."""
    plain = spec_of("animatic")

    class Deaf:
        def shoot(self, assignment: Assignment, progress: Progress) -> Footage:
            asked = replace(assignment, prompt="", negative="", tail=None, head=None, start=None, end=None)
            return plain.open(plain.options()).shoot(asked, lambda step, steps: None)

        def close(self) -> None:
            """Nothing is held."""

    deaf = replace(plain, open=lambda options: Deaf())
    with testing.trial(deaf, size=(96, 54)) as opened:
        for check in (
            testing.the_tail_changes_what_follows,
            testing.the_head_changes_what_leads_up_to_it,
            testing.tail_and_head_go_together,
            testing.given_pictures_change_the_shot,
            testing.the_prompt_changes_the_frames,
            testing.it_can_be_cancelled_between_steps,
        ):
            with pytest.raises(AssertionError, match="animatic: "):
                check(opened)
