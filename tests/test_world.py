"""The storybook world that the pocket model learns from: captions are true, clips go on from one another."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
import torch

from training.world import (
    Clip,
    Clips,
    actions,
    describe,
    is_held_out,
    masks,
    pack,
    places,
    render,
    sample,
    sample_led,
    sample_story,
    split,
    styles,
    subjects,
    words,
)
from training.world.atlas import ASSETS
from training.world.motion import pose
from training.world.poses import poses, timeline
from training.world.state import NOBODY, SUBJECT, labels_of
from training.world.story import NEVER

PHENAKI = (
    "A photorealistic teddy bear is swimming in the ocean at San Francisco.",
    "The teddy bear goes under water.",
    "The teddy bear keeps swimming under the water with colorful fishes.",
    "A panda bear is swimming under water.",
    "Side view of an astronaut is walking through a puddle on mars",
    "The astronaut is dancing on mars",
    "The astronaut walks his dog on mars",
    "The astronaut and his dog watch fireworks",
)


def clips(seed: int, count: int, part: str = "train") -> list[Clip]:
    """Clips drawn by lot."""
    rng = np.random.default_rng(seed)
    return [sample(rng, split=part) for _ in range(count)]


def shown(some: list[Clip], **size: int) -> torch.Tensor:
    """Their pictures, as integers that can be subtracted."""
    return render(pack(some), device="cpu", **size).int()


def test_the_same_seed_gives_the_same_clips_and_pictures() -> None:
    once, again, other = clips(3, 4), clips(3, 4), clips(4, 4)
    assert once == again
    assert [clip.caption for clip in once] != [clip.caption for clip in other]
    assert torch.equal(shown(once[:2], frames=9), shown(again[:2], frames=9))


def test_pairs_that_are_held_out_are_never_trained_on() -> None:
    for clip in clips(5, 1500):
        for state in (clip.earlier, clip.later):
            assert not is_held_out(state.subject, state.place), clip.caption
    assert all(is_held_out(clip.later.subject, clip.later.place) for clip in clips(6, 150, "held-out"))
    share = np.mean([is_held_out(subject, place) for subject in subjects() for place in places()])
    assert 0.06 < share < 0.12
    for pair in (("teddy bear", "san francisco"), ("teddy bear", "under water"), ("panda bear", "under water")):
        assert not is_held_out(*pair)
    assert not is_held_out("astronaut", "mars")


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="split `test`"):
        sample(np.random.default_rng(0), split="test")


def test_kept_frames_show_the_earlier_state_and_the_last_ones_the_later() -> None:
    going_on = [clip for clip in clips(7, 60) if clip.kept and clip.earlier.place != clip.later.place][:3]
    assert len(going_on) == 3
    before = shown([dataclasses.replace(clip, later=clip.earlier, start=NEVER) for clip in going_on])
    after = shown([dataclasses.replace(clip, earlier=clip.later, start=NEVER) for clip in going_on])
    both = shown(going_on)
    for clip, old, new, film in zip(going_on, before, after, both, strict=True):
        assert (film[: clip.kept] - old[: clip.kept]).abs().max() <= 1
        assert (film[-8:] - new[-8:]).abs().max() <= 1
        assert (old[-1] - new[-1]).abs().float().mean() > 3


@pytest.mark.parametrize("action", ["dives", "surfaces"])
def test_a_dive_begins_on_one_side_of_the_water_and_ends_on_the_other(action: str) -> None:
    clip = describe({"action": action})
    film, old, new = shown(
        [
            clip,
            dataclasses.replace(clip, later=clip.earlier, start=NEVER, change="fade"),
            dataclasses.replace(clip, earlier=clip.later, start=NEVER),
        ]
    )
    assert clip.earlier.place != clip.later.place
    assert (film[: clip.start] - old[: clip.start]).abs().max() <= 1
    assert (film[-8:] - new[-8:]).abs().max() <= 1


@pytest.mark.parametrize("kept", [1, 9])
def test_a_story_goes_on_where_it_stopped(kept: int) -> None:
    story = sample_story(np.random.default_rng(11), 6, kept=kept)
    films = shown(story)
    for last, film, clip in zip(films, films[1:], story[1:], strict=False):
        assert clip.kept == kept
        assert (last[-kept:] - film[:kept]).abs().max() <= 1
    assert [clip.before for clip in story[1:]] == [clip.caption for clip in story[:-1]]


def test_nothing_jumps_inside_a_story() -> None:
    """Between neighbouring frames much less changes than between pictures that have nothing to do with each other."""
    films = shown(sample_story(np.random.default_rng(12), 6)).float()
    steps = (films[:, 1:] - films[:, :-1]).abs().mean(dim=(2, 3, 4))
    strangers = shown(clips(12, 8), frames=1).float()
    cut = (strangers[1:] - strangers[:-1]).abs().mean()
    assert steps.max() < 0.6 * cut
    assert steps.median() < 0.25 * cut


def test_every_word_of_a_caption_is_known() -> None:
    known = words()
    some = [*clips(13, 2500), *clips(14, 200, "held-out")]
    assert {word for clip in some for word in split(f"{clip.caption} {clip.before}")} <= known
    assert len({clip.caption for clip in some}) > 0.97 * len(some)
    lengths = [len(split(clip.caption)) for clip in some]
    assert max(lengths) <= 30
    assert 10 < np.mean(lengths) < 16


@pytest.mark.parametrize("prompt", PHENAKI)
def test_phenakis_prompts_are_covered(prompt: str) -> None:
    assert set(split(prompt)) <= words()


def test_the_short_sentences_that_people_write_are_drawn() -> None:
    """Patterns of Phenaki's prompts with any subject and place."""
    told = [" ".join(split(clip.caption)) for clip in clips(15, 6000)]
    for pattern in (
        "goes under water",
        "keeps swimming",
        "with colorful fishes",
        "through a puddle on mars",
        "side view of a",
    ):
        assert any(pattern in caption for caption in told), pattern
    assert any(" his dog" in caption for caption in told)


def test_wanted_labels_are_in_the_clip_and_its_caption() -> None:
    wanted = {"subject": "fox", "second": "robot", "place": "castle", "action": "dances", "weather": "snow"}
    clip = describe({**wanted, "time": "night", "style": "watercolour", "camera": "pans left", "transformation": None})
    assert {name: clip.labels[name] for name in wanted} == wanted
    assert (clip.labels["time"], clip.labels["style"], clip.labels["camera"]) == ("night", "watercolour", "pans left")
    assert "fox" in clip.caption.lower()
    assert "castle" in clip.caption
    assert clip == describe(
        {**wanted, "time": "night", "style": "watercolour", "camera": "pans left", "transformation": None}
    )
    assert clip.kept == 0


def test_every_action_place_and_style_can_be_asked_for() -> None:
    for name, values in (("action", actions()), ("place", places()), ("style", styles()), ("subject", subjects())):
        for value in values:
            assert describe({name: value}).labels[name] == value


def test_a_name_that_the_world_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="subject `zebra`"):
        describe({"subject": "zebra"})


def test_a_transformation_starts_as_one_subject_and_ends_as_the_other() -> None:
    clip = describe({"subject": "dragon", "transformation": "frog", "place": "meadow", "second": None})
    assert (clip.labels["subject"], clip.labels["transformation"]) == ("dragon", "frog")
    assert (clip.earlier.subject, clip.later.subject) == ("frog", "dragon")
    assert "frog" in clip.caption
    assert "dragon" in clip.caption


def test_tensors_and_scalars_agree_on_where_a_subject_is() -> None:
    some = [clip for clip in clips(16, 40) if clip.start == NEVER]
    packed = pack(some)
    where = poses(packed, timeline(packed, 33), 33)
    for index, clip in enumerate(some):
        motion = clip.later.sprites[SUBJECT]
        told = pose(motion._replace(ax=0.0), 20)
        assert abs(where.x[index, SUBJECT, 20] - told.x) <= abs(motion.ax) + 1e-4
        assert abs(where.size[index, SUBJECT, 20] - told.size) < 1e-4


def test_boxes_hold_the_subject() -> None:
    """What changes when the subject is taken away lies in its box, its shadow apart."""
    clip = describe(
        {"action": "jumps", "place": "sky", "second": None, "style": "photorealistic", "transformation": None}
    )
    bare = (*clip.later.sprites[:SUBJECT], NOBODY, *clip.later.sprites[SUBJECT + 1 :])
    without = dataclasses.replace(clip.later, sprites=bare)
    film = shown([clip, dataclasses.replace(clip, earlier=without, later=without)])
    changed = (film[0] - film[1]).abs().amax(1, keepdim=True) > 12
    boxes = masks(pack([clip]), device="cpu")[0]
    assert changed.sum() > 33 * 400
    assert (changed & ~boxes).sum() < 0.01 * changed.sum()
    assert boxes.float().mean() < 0.45


def test_packed_clips_are_small_and_of_one_shape() -> None:
    packed = pack(clips(17, 32))
    assert {name: values.shape[1:] for name, values in packed.items()} == {
        name: values.shape[1:] for name, values in pack(clips(18, 8)).items()
    }
    assert len(pickle.dumps(packed)) < 32 * 4000


def test_wide_pictures_are_rendered_too() -> None:
    film = render(pack(clips(19, 2)), frames=5, height=64, width=96, device="cpu")
    assert film.shape == (2, 5, 3, 64, 96)
    assert film.dtype == torch.uint8
    assert film.float().std() > 20


def test_workers_draw_different_clips() -> None:
    first = next(iter(Clips(4, seed=1).loader(workers=0)))
    other = next(iter(Clips(4, seed=2).loader(workers=0)))
    assert len(first.captions) == len(first.labels) == len(first.packed["turn"]) == 4
    assert first.captions != other.captions


def test_the_assets_are_small_and_carry_the_fonts_licence() -> None:
    assert sum(path.stat().st_size for path in ASSETS.iterdir()) < 3 * 2**20
    assert "SIL OPEN FONT LICENSE" in (ASSETS / "OFL.txt").read_text(encoding="utf-8")


def test_a_led_clip_shows_what_its_caption_tells_and_then_something_else() -> None:
    rng = np.random.default_rng(4)
    clips = [sample_led(rng) for _ in range(12)]
    for clip in clips:
        assert not clip.whole and clip.labels == labels_of(clip.earlier, None) and 11 <= clip.start < 20
    plain = [dataclasses.replace(clip, later=clip.earlier, start=NEVER) for clip in clips]
    made, same = (render(pack(some), device="cpu").int() for some in (clips, plain))
    apart = (made - same).abs().float().mean(dim=(2, 3, 4))
    for clip, row in zip(clips, apart, strict=True):
        assert row[: clip.start + 1].max() < 0.01
    assert (apart[:, -1] > 1).float().mean() > 0.7
