"""The conformance kit: what every engine must do, for the tests of whoever writes one.

    import pytest
    from storyboard import testing
    from my_package import SPEC

    @pytest.fixture(scope="module")
    def trial(tmp_path_factory):
        options = {"model": str(my_tiny_checkpoint(tmp_path_factory.mktemp("model"))), "dtype": "float32"}
        with testing.trial(SPEC, options, size=(32, 32)) as opened:
            yield opened

    @pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
    def test_conformance(trial, check):
        check(trial)

A tiny checkpoint with random weights will do, if what it makes depends on all that it is given. A check that an
engine's capabilities rule out does nothing. All raise AssertionError with a sentence. Needs no pytest of its own.
May import what stands above `testing` in the layout.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storyboard.breakdown import break_down
from storyboard.digest import Plain, digest_bytes, digest_of
from storyboard.engines.base import Assignment, Capabilities, Engine, EngineOptions, EngineSpec, FrameRule, Preparing
from storyboard.errors import Cancelled, ScreenplayError
from storyboard.footage import check_footage
from storyboard.screenplay import loads

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]

PROMPTS: Final = ("A bear swims in the sea.", "Fireworks over a city at night.")
_LEAST_CHANGE: Final = 0.005
"""The share of a film's values that must differ where something else was asked for."""
_HEAVY: Final = ("torch", "diffusers", "transformers", "tensorflow", "jax")


@dataclass
class Trial:
    """An engine on trial, open."""

    spec: EngineSpec
    said: Mapping[str, Plain]
    """Its options as an author writes them."""
    size: tuple[int, int]
    loras: Sequence[Mapping[str, Plain]]
    prompts: tuple[str, str]
    options: EngineOptions
    can: Capabilities
    engine: Engine
    taken: dict[str, Frames] = field(default_factory=dict)
    """Of shots that several checks look at."""

    @property
    def tail(self) -> int:
        """Frames of a tail here: few, but more than one where that is possible."""
        return _few(self.can.tail)

    @property
    def head(self) -> int:
        return _few(self.can.head)

    def assignment(self, **fields: object) -> Assignment:
        """A short shot with room for a tail and a head, changed as `fields` say."""
        count = self.can.frames.at_least(self.tail + self.head + 4)
        assert count is not None, f"{self.spec.name}: a tail and a head leave no room for frames in between"
        width, height = self.size
        rate = self.can.native_rate or self.can.default_rate
        plain = Assignment("trial/1", self.prompts[0], "", 7, width, height, rate, count, self.options)
        if self.can.needs_picture and fields.get("tail") is None:
            plain = replace(plain, start=pictures(1, self.size, 3)[0])
        return replace(plain, **fields)  # type: ignore[arg-type]

    def shoot(self, **fields: object) -> Frames:
        """The frames of such a shot [n, height, width, 3], checked to be what was asked for."""
        name = repr([(key, _known_by(value)) for key, value in sorted(fields.items())])
        if name not in self.taken:
            asked = self.assignment(**fields)
            footage = self.engine.shoot(asked, lambda step, steps: None)
            check_footage(
                footage, frames=asked.frames, width=asked.width, height=asked.height, rate=asked.rate, shot=asked.shot
            )
            self.taken[name] = footage.frames
        return self.taken[name]


@contextmanager
def trial(
    spec: EngineSpec,
    options: Mapping[str, Plain] | None = None,
    *,
    size: tuple[int, int] | None = None,
    loras: Sequence[Mapping[str, Plain]] = (),
    prompts: tuple[str, str] = PROMPTS,
) -> Iterator[Trial]:
    """The engine, opened with options as an author writes them, closed afterwards.

    `size` is width and height to shoot at, the smallest that will do; `loras` are two for the checkpoint, as in
    options; `prompts` are two that the model tells apart. Raises what opening raises.
    """
    said = dict(options or {})
    ours = spec.options.model_validate(said)
    can = spec.capabilities(ours)
    engine = spec.open(ours)
    try:
        yield Trial(spec, said, size or can.default_size, loras, prompts, ours, can, engine)
    finally:
        engine.close()


def pictures(count: int, size: tuple[int, int], kind: int) -> Frames:
    """Frames [count, height, width, 3] to give an engine: another `kind`, other pictures altogether."""
    import numpy as np

    width, height = size
    noise = np.random.default_rng(kind).integers(0, 64, (count, height, width, 3))
    slope = np.linspace(0, 128, width if kind % 2 else height)
    base = np.broadcast_to(slope if kind % 2 else slope[:, None], (height, width))[None, :, :, None]
    return np.clip(base + noise + 32 * (kind % 3), 0, 255).astype(np.uint8)


def changed(one: Frames, other: Frames) -> float:
    """The share of values that differ."""
    return float((one != other).mean())


# The checks


def frames_are_exactly_as_asked(trial: Trial) -> None:
    """The least count of frames that is allowed, and one more: neither more nor fewer come back."""
    least = trial.can.frames.at_least(2)
    assert least is not None
    trial.shoot(frames=least)
    more = trial.can.frames.at_least(least + 1)
    if more is not None:
        trial.shoot(frames=more)


def the_tail_changes_what_follows(trial: Trial) -> None:
    """With another tail, or with none, the frames after it are others."""
    if trial.can.tail is None:
        return
    after = slice(trial.tail if trial.can.repeats_tail else 0, None)
    one, other = (trial.shoot(tail=pictures(trial.tail, trial.size, kind))[after] for kind in (1, 2))
    _differ(trial, "frames after the tail", one, trial.shoot()[after])
    _differ(trial, "frames after another tail", one, other)


def the_head_changes_what_leads_up_to_it(trial: Trial) -> None:
    """With another head, or with none, the frames before it are others."""
    if trial.can.head is None:
        return
    before = slice(0, -trial.head)
    one, other = (trial.shoot(head=pictures(trial.head, trial.size, kind))[before] for kind in (1, 2))
    _differ(trial, "frames before the head", one, trial.shoot()[before])
    _differ(trial, "frames before another head", one, other)


def tail_and_head_go_together(trial: Trial) -> None:
    """Given both, what is between goes with both."""
    if trial.can.tail is None or trial.can.head is None:
        return
    tail, head = pictures(trial.tail, trial.size, 1), pictures(trial.head, trial.size, 2)
    between = slice(trial.tail if trial.can.repeats_tail else 0, -trial.head)
    both = trial.shoot(tail=tail, head=head)[between]
    _differ(trial, "frames between tail and head, without the head", both, trial.shoot(tail=tail)[between])
    _differ(trial, "frames between tail and head, without the tail", both, trial.shoot(head=head)[between])


def given_pictures_change_the_shot(trial: Trial) -> None:
    """A picture at the start, one at the end, and one of who is in it, where the engine takes them."""
    picture = pictures(1, trial.size, 1)[0]
    if trial.can.start_image:
        _differ(trial, "frames after a start picture", trial.shoot(start=picture)[1:], trial.shoot()[1:])
    if trial.can.end_image:
        _differ(trial, "frames before an end picture", trial.shoot(end=picture)[:-1], trial.shoot()[:-1])
    if trial.can.references:
        _differ(trial, "frames with a reference", trial.shoot(references=(picture,)), trial.shoot())


def the_prompt_changes_the_frames(trial: Trial) -> None:
    """Another prompt, other frames; so with a negative one, where the engine takes one."""
    _differ(trial, "frames with another prompt", trial.shoot(prompt=trial.prompts[1]), trial.shoot())
    if trial.can.negative:
        _differ(trial, "frames with a negative prompt", trial.shoot(negative=trial.prompts[1]), trial.shoot())


def the_same_seed_gives_the_same_frames(trial: Trial) -> None:
    """Whatever was shot in between; and another seed gives others."""
    tail = {"tail": pictures(trial.tail, trial.size, 1)} if trial.can.tail else {}
    first, other = trial.shoot(**tail), trial.shoot(seed=8)
    _differ(trial, "frames with another seed", other, trial.shoot())
    again = trial.engine.shoot(trial.assignment(**tail), lambda step, steps: None).frames
    assert (again == first).all(), f"{trial.spec.name}: the same assignment gives other frames the second time"


def texts_read_ahead_change_nothing(trial: Trial) -> None:
    """`prepare`, where the engine has it, is a matter of time only."""
    if not isinstance(trial.engine, Preparing):
        return
    expected = trial.shoot(prompt=trial.prompts[1])
    other = trial.spec.open(trial.options)
    try:
        assert isinstance(other, Preparing)
        other.prepare([*trial.prompts, "", "word " * 5000], lambda step, steps: None)
        frames = other.shoot(trial.assignment(prompt=trial.prompts[1]), lambda step, steps: None).frames
    finally:
        other.close()
    assert (frames == expected).all(), f"{trial.spec.name}: frames are others when the texts were read ahead"


def loras_count_and_do_not_leak(trial: Trial) -> None:
    """Each gives other frames and another key, weights and order are in the key; without them all is as before."""
    if not trial.can.lora:
        return
    assert len(trial.loras) == 2, f"{trial.spec.name} takes LoRAs: give two of them to `trial`"
    first, second = (dict(lora) for lora in trial.loras)
    worn = ([first], [second], [first | {"weight": 0.5}], [first, second], [second, first])
    options = [_with(trial, loras=list(loras)) for loras in worn]
    keys = [digest_of(each.keyed()) for each in (trial.options, *options)]
    assert len(set(keys)) == len(keys), f"{trial.spec.name}: other LoRAs, weights or orders of them have the same key"
    assert trial.options.each >= {"loras"}, f"{trial.spec.name}: `loras` must be in `each`, or scenes load models anew"
    plain = trial.shoot()
    shots = [trial.engine.shoot(trial.assignment(options=each), lambda *_: None).frames for each in options[:4]]
    for number, frames in enumerate(shots):
        for other in (plain, *shots[:number]):
            _differ(trial, "frames with other LoRAs", frames, other)
    again = trial.engine.shoot(trial.assignment(), lambda *_: None).frames
    assert (again == plain).all(), f"{trial.spec.name}: a LoRA of a shot before leaks into one without"
    again = trial.engine.shoot(trial.assignment(options=options[0]), lambda *_: None).frames
    assert (again == shots[0]).all(), f"{trial.spec.name}: a LoRA of a shot before leaks into one with another"


def what_does_not_fit_is_refused_by_check(trial: Trial) -> None:
    """A wrong count of tail or head frames, a wrong size, a wrong length: each is a fault with its line."""
    can = trial.can
    wrong: list[dict[str, Plain]] = [{"window": 1_000_000}]
    wrong += [{"tail": _misfit(can.tail)}, {"head": _misfit(can.head)}]
    if can.size_multiple > 1 or can.least_size > 1:
        side = can.size_multiple * 2 + 1 if can.size_multiple > 1 else can.least_size - 1
        wrong.append({"width": side, "height": side})
    for fields in wrong:
        text = _film(trial, fields)
        (said, value), *_ = fields.items()
        line = next(number for number, row in enumerate(text.splitlines(), 1) if row.startswith(f'  "{said}":'))
        try:
            break_down(loads(text, name="trial.yaml", folder=Path()))
        except ScreenplayError as error:
            assert f"trial.yaml:{line}:" in str(error), f"{trial.spec.name}: no line for `{said}: {value}`: {error}"
        else:
            raise AssertionError(f"{trial.spec.name}: `check` lets `{said}: {value}` pass")


def it_can_be_cancelled_between_steps(trial: Trial) -> None:
    """At its next step, with what `progress` raises; and it shoots on afterwards as if nothing had been."""
    expected, heard = trial.shoot(), []

    def stop(step: int, steps: int) -> None:
        heard.append((step, steps))
        raise Cancelled("enough")

    try:
        trial.engine.shoot(trial.assignment(seed=99), stop)
    except Cancelled:
        pass
    else:
        raise AssertionError(f"{trial.spec.name}: it does not hear that it shall stop")
    assert len(heard) == 1, f"{trial.spec.name}: it went on for {len(heard) - 1} steps after it should have stopped"
    again = trial.engine.shoot(trial.assignment(), lambda step, steps: None).frames
    assert (again == expected).all(), f"{trial.spec.name}: after a cancelled shot, frames are others"


def progress_is_told_to_the_end(trial: Trial) -> None:
    """Steps count up to all there are, and there is more than one."""
    steps: list[tuple[int, int]] = []
    trial.engine.shoot(trial.assignment(), lambda step, count: steps.append((step, count)))
    total = steps[-1][1]
    assert total > 1 and steps == [(step, total) for step in range(1, total + 1)], f"{trial.spec.name}: told {steps}"


def its_options_are_keyed_as_plain_data(trial: Trial) -> None:
    """The same options give the same key in another process too, and device and place do not count."""
    keyed = trial.options.keyed()
    assert json.loads(json.dumps(keyed)) == keyed, f"{trial.spec.name}: options in the key are not plain data: {keyed}"
    assert trial.spec.options.model_validate(dict(trial.said)).keyed() == keyed
    for name in ("device", "offload", "download"):
        assert name not in keyed, f"{trial.spec.name}: `{name}` says where, not what, and is in the key"


def it_is_described_without_anything_heavy(trial: Trial) -> None:
    """Capabilities, weights and what is missing: `check` and `plan` import no torch."""
    code = (
        "import json, sys; from storyboard.engines import spec_of; spec = spec_of(sys.argv[1]);"
        "options = spec.options.model_validate(json.loads(sys.argv[2]));"
        "spec.capabilities(options); spec.weights(options); spec.missing(); spec.absent(options); options.keyed();"
        "print(sorted(set(sys.argv[3:]) & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, trial.spec.name, json.dumps(dict(trial.said)), *_HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{trial.spec.name} cannot be described: {done.stderr}"
    assert done.stdout == "[]\n", f"{trial.spec.name}: describing it imports {done.stdout}"


def memory_is_freed_on_close(trial: Trial) -> None:
    """An engine that is closed leaves no tensors behind."""
    before = _tensor_bytes()
    engine = trial.spec.open(trial.options)
    engine.shoot(trial.assignment(), lambda step, steps: None)
    held = _tensor_bytes() - before
    engine.close()
    left = _tensor_bytes() - before
    assert left <= held // 100, f"{trial.spec.name}: {left} bytes of {held} are held after it was closed"


CHECKS: Final = (
    frames_are_exactly_as_asked,
    the_tail_changes_what_follows,
    the_head_changes_what_leads_up_to_it,
    tail_and_head_go_together,
    given_pictures_change_the_shot,
    the_prompt_changes_the_frames,
    the_same_seed_gives_the_same_frames,
    texts_read_ahead_change_nothing,
    loras_count_and_do_not_leak,
    what_does_not_fit_is_refused_by_check,
    it_can_be_cancelled_between_steps,
    progress_is_told_to_the_end,
    its_options_are_keyed_as_plain_data,
    it_is_described_without_anything_heavy,
    memory_is_freed_on_close,
)
"""All of them, in order."""


def _few(rule: FrameRule | None) -> int:
    return 0 if rule is None else rule.at_least(2) or rule.least


def _misfit(rule: FrameRule | None) -> int:
    """A count that is not accepted."""
    if rule is None:
        return 1
    return next(count for count in range(1, rule.most + 2) if not rule.fits(count))


def _known_by(value: object) -> object:
    """What tells one thing that is asked for from another."""
    import numpy as np

    if isinstance(value, tuple):
        return [_known_by(each) for each in value]
    return (value.shape, digest_bytes(value.tobytes())) if isinstance(value, np.ndarray) else value


def _with(trial: Trial, **more: object) -> EngineOptions:
    return trial.spec.options.model_validate({**trial.said, **more})


def _film(trial: Trial, fields: Mapping[str, Plain]) -> str:
    """A screenplay that asks the engine for this; JSON is YAML too, and each option has a line of its own."""
    width, height = trial.size
    engine = json.dumps({"name": trial.spec.name, **trial.said, **fields}, indent=2)
    film = f'"format": {{"width": {max(width, 16)}, "height": {max(height, 16)}}}'
    return f'{{{film},\n"engine": {engine},\n"scenes": [{{"id": "a", "duration": 1, "prompt": "A bear."}}]}}\n'


def _differ(trial: Trial, what: str, one: Frames, other: Frames) -> None:
    share = changed(one, other)
    if share < _LEAST_CHANGE:
        raise AssertionError(f"{trial.spec.name}: {what} are the same but for {share:.2%} of their values")


def _tensor_bytes() -> int:
    """All that living tensors hold, where there is torch at all."""
    torch = sys.modules.get("torch")
    gc.collect()
    if torch is None:
        return 0
    stores = {}
    for each in gc.get_objects():
        if issubclass(type(each), torch.Tensor) and not each.is_meta:
            store = each.untyped_storage()
            stores[store.data_ptr()] = store.nbytes()
    return sum(stores.values())
