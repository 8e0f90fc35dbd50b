"""What of a seam no motion explains: a jump of the picture is motion, another colour or another picture is not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from storyboard.scopes import seam_ratio
from storyboard.scopes_flow import has_flow, motion_seam
from tests.pictures import Pictures, noise

pytestmark = pytest.mark.skipif(not has_flow(), reason="OpenCV is not there: pip install storyboard[scopes]")


def pan(first: int, count: int = 10, world: int = 0, width: int = 96, height: int = 54) -> Pictures:
    """A view that moves over a soft picture by a pixel a frame."""
    rough = np.random.default_rng(world).integers(0, 256, (height, width + 60, 3), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(rough).filter(ImageFilter.GaussianBlur(4))).astype(int)
    wide = np.clip((soft - 128) * 4 + 128, 0, 255).astype(np.uint8)
    return np.stack([wide[:, place : place + width] for place in range(first, first + count)])


@pytest.mark.parametrize(("width", "height"), [(96, 54), (320, 180)])
def test_a_jump_is_motion_and_another_colour_or_picture_is_not(width: int, height: int) -> None:
    before, after = pan(0, width=width, height=height), pan(10, width=width, height=height)
    assert motion_seam(before, after) == pytest.approx(1, abs=0.05)
    jumped = pan(13, width=width, height=height)
    ratio, beyond = seam_ratio(before, jumped), motion_seam(before, jumped)
    assert ratio is not None and beyond is not None and ratio > 3 and beyond < 1.5
    redder = np.clip(after + np.array([40, -20, 0]), 0, 255).astype(np.uint8)
    other = pan(10, world=1, width=width, height=height)
    for changed in (redder, other):
        beyond = motion_seam(before, changed)
        assert beyond is not None and beyond > 5


def test_what_grows_is_the_colour_shift_not_the_jump() -> None:
    before, after = pan(0), pan(10).astype(int)
    figures = [motion_seam(before, np.clip(after + shift, 0, 255).astype(np.uint8)) or 0 for shift in (0, 10, 20, 40)]
    assert figures == sorted(figures) and figures[-1] > 10 * figures[0]


def test_single_frames_and_tiny_pictures_have_no_figure() -> None:
    assert motion_seam(pan(0, 1), pan(1, 1)) is None
    assert motion_seam(noise(0), noise(1)) is None  # 12 pixels wide
    assert motion_seam(pan(0, 1), pan(1, 2)) is not None
