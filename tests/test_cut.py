"""Edit arithmetic: every film frame has one edit, transitions take nothing away, handles are held where they end."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.cut import Cut, Mix, MixKind, Strip, assemble
from storyboard.errors import MissingTakes
from storyboard.shots import Breakdown
from storyboard.vault import Vault
from tests.films import broken_down, scene, screenplay, shoot


def cut_of(film: Breakdown, folder: Path) -> Cut:
    vault = Vault(folder)
    return assemble(film, vault, takes=shoot(film, vault).takes)


def test_edits_touch_and_cover_the_film(tmp_path: Path) -> None:
    scenes = [
        scene("a", "9f", transition={"kind": "fade", "duration": "2f"}),
        scene("title", "5f", card={"text": "Then"}, transition={"kind": "dissolve", "duration": "5f"}),
        scene("b", "14f", beats=[{"at": "4f", "prompt": "On."}], transition={"kind": "dissolve", "duration": "6f"}),
    ]
    cut = cut_of(broken_down(screenplay(scenes, engine="strict")), tmp_path)
    assert [(edit.first, len(edit), edit.mix is not None) for edit in cut.edits] == [
        (0, 2, True),
        (2, 7, False),
        (9, 5, True),
        (14, 4, True),
        (18, 2, True),
        (20, 8, False),
    ]
    assert cut.frames == 28
    under = [edit.mix.under for edit in cut.edits if edit.mix]
    assert under[0] is None
    assert [list(strip.frames) for strip in under[1:] if strip] == [[8] * 5, [0] * 4, [0] * 2]


def test_where_handles_end_the_last_frame_is_held(tmp_path: Path) -> None:
    scenes = [scene("a", "14f"), scene("b", "9f", transition={"kind": "dissolve", "duration": "6f"})]
    cut = cut_of(broken_down(screenplay(scenes, engine="strict")), tmp_path)
    mix = cut.edits[1].mix
    assert mix is not None and mix.under is not None
    assert list(mix.under.frames) == [14, 15, 16, 16, 16, 16]


def test_transitions_touch_no_other_frame(tmp_path: Path) -> None:
    scenes = [scene("a"), scene("b"), scene("c")]
    plain = cut_of(broken_down(screenplay(scenes)), tmp_path)
    scenes[1]["transition"] = {"kind": "dissolve", "duration": "3f"}
    mixed = cut_of(broken_down(screenplay(scenes)), tmp_path)
    over = [(edit.strip.key, frame) for edit in mixed.edits for frame in edit.strip.frames]
    assert over == [(edit.strip.key, frame) for edit in plain.edits for frame in edit.strip.frames]


@given(length=st.integers(1, 40), kind=st.sampled_from(MixKind), black=st.booleans())
def test_weights_rise_evenly_and_never_exceed_one(length: int, kind: MixKind, black: bool) -> None:
    mix = Mix(kind, None if black else Strip("k", range(length)), 0, length)
    weights = [mix.weights(frame) for frame in range(length)]
    overs = [over for _, over in weights]
    assert overs == sorted(overs)
    assert all(0 <= under <= 1 and 0 <= over <= 1 and under + over <= 1 for under, over in weights)
    if kind is MixKind.DISSOLVE:
        assert all(under + over == 1 and over > 0 for under, over in weights)
        assert overs == [Fraction(step, length + 1) for step in range(1, length + 1)]


def test_one_scene_alone_and_missing_takes(tmp_path: Path) -> None:
    film = broken_down(screenplay([scene("a"), scene("b", transition={"kind": "dissolve", "duration": "3f"})]))
    vault = Vault(tmp_path)
    with pytest.raises(MissingTakes, match=r"2 of 2 shots have no take: `a/1`, `b/1`"):
        assemble(film, vault)
    shoot(film, vault)
    alone = assemble(film, vault, scene="b")
    assert [(edit.first, len(edit), edit.mix) for edit in alone.edits] == [(0, 8, None)]
    assert assemble(film, vault).frames == 16
