"""A cut and the vault -> measures of the film as it is shown: seams, placement of cuts, and figures of every frame.

All of it is measured on the frames before they are encoded, as the film shows them. May import what stands above
`scopes_film` in the layout; numpy is imported inside functions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeVar

from storyboard.cut import Cut, Edit
from storyboard.errors import MissingTakes
from storyboard.footage import resample
from storyboard.scopes import AROUND, Look, Runs, hard_cuts, seam_jerk, seam_ratio, spans_of, stands
from storyboard.scopes_flow import has_flow, motion_seam
from storyboard.shots import Breakdown, scene_of
from storyboard.timing import FrameRange
from storyboard.vault import Vault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]
    Figures = NDArray[np.float64]

T = TypeVar("T")
_STRETCH: Final = 24  # frames of a strip that are read at a time, at most

Joined = Collection[tuple[str, str]]
"""Pairs of shots of which the first was made to go on into the second, whether or not the film shows them so."""


def joined_shots(breakdown: Breakdown) -> frozenset[tuple[str, str]]:
    """Each shot with the one that it continues, and with the first of the scene that it leads into."""
    shots = breakdown.shots.values()
    led = {(shot.id, breakdown.scene(scene_of(ref.shot)).shots[0]) for shot in shots for ref in shot.head}
    return frozenset(led | {(shot.continues, shot.id) for shot in shots if shot.continues})


@dataclass(frozen=True, slots=True)
class Seam:
    """Where shot `after` goes on from shot `before` on screen, at film frame `first`. `still` is the form of the ratio
    for still shots, `motion` what of the jump no motion explains (`scopes_flow.motion_seam`). A figure is None where
    the shots are too short for it, and `motion` without OpenCV too."""

    first: int
    before: str
    after: str
    ratio: float | None
    still: float | None
    jerk: float | None
    motion: float | None
    stands: bool
    """So little moves beside it that `still` is the form to go by."""

    @property
    def figure(self) -> float | None:
        """The ratio to judge it by: 1 is invisible."""
        return self.still if self.stands else self.ratio


def seams(joined: Joined, cut: Cut, vault: Vault) -> Iterator[Seam]:
    """The film's continuity seams, in its order: where the film goes from a shot to one that it is joined to.

    Cuts and transitions are left out. A frame that the film shows several times, its rate being above the engine's,
    counts once. At most 16 frames are held. Raises MissingTakes, DamagedFootage.
    """
    for out, into in pairwise(cut.edits):
        if _is_seam(joined, out, into):
            before = shown(cut, vault, out.strip.key, list(dict.fromkeys(out.strip.frames))[-AROUND:])
            after = shown(cut, vault, into.strip.key, list(dict.fromkeys(into.strip.frames))[:AROUND])
            yield _seam(out, into, before, after)


def _is_seam(joined: Joined, out: Edit, into: Edit) -> bool:
    return (out.shot, into.shot) in joined and not out.mix and not into.mix


def _seam(out: Edit, into: Edit, before: Frames, after: Frames) -> Seam:
    """The figures of a seam between these frames, at most 8 on each side."""
    return Seam(
        first=into.first,
        before=out.shot,
        after=into.shot,
        ratio=seam_ratio(before, after),
        still=seam_ratio(before, after, still=True),
        jerk=seam_jerk(before, after),
        motion=motion_seam(before, after) if has_flow() else None,
        stands=stands(before, after),
    )


@dataclass(frozen=True, slots=True)
class CutPlacement:
    """The screenplay's hard cuts against those seen, as film frames: seen as said, said but not seen, seen unsaid."""

    right: tuple[int, ...]
    missing: tuple[int, ...]
    extra: tuple[int, ...]


def cut_placement(joined: Joined, cut: Cut, vault: Vault) -> CutPlacement:
    """Whether the film cuts where the screenplay says so and nowhere else, such as at a seam or inside a shot;
    transitions are passed over. Raises MissingTakes, DamagedFootage."""
    return placement(joined, cut, measure(cut, vault).changes)


def placement(joined: Joined, cut: Cut, changes: Figures) -> CutPlacement:
    """The same from the D of each film frame and the next, [n - 1]."""
    said, seen = set(said_cuts(joined, cut)), set(hard_cuts(changes))
    mixed = {edit.first + frame for edit in cut.edits if edit.mix for frame in range(len(edit) + 1)}
    right, missing, extra = (tuple(sorted(those)) for those in (said & seen, said - seen, seen - said - mixed))
    return CutPlacement(right, missing, extra)


def said_cuts(joined: Joined, cut: Cut) -> tuple[int, ...]:
    """The film frames on which the screenplay cuts to another shot, in order."""
    return tuple(into.first for out, into in pairwise(cut.edits) if _is_cut(joined, out, into))


def _is_cut(joined: Joined, out: Edit, into: Edit) -> bool:
    return out.shot != into.shot and not into.mix and (out.shot, into.shot) not in joined


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Figures of each of a film's n frames, as `scopes` defines them."""

    luma: Figures
    saturation: Figures
    sharpness: Figures
    changes: Figures
    """D of each frame and the next: [n - 1]."""
    black: tuple[FrameRange, ...]
    frozen: tuple[FrameRange, ...]


def measure(cut: Cut, vault: Vault) -> Track:
    """All figures of the film's frames. Raises MissingTakes, DamagedFootage."""
    return measure_film((), cut, vault)[0]


def measure_film(joined: Joined, cut: Cut, vault: Vault) -> tuple[Track, tuple[Seam, ...]]:
    """The figures of the film's frames and of its `seams`, in one reading, of which few frames are held.

    Raises MissingTakes, DamagedFootage.
    """
    import numpy as np

    figures: list[tuple[float, float, float]] = []
    changes: list[float] = []
    dark: list[bool] = []
    runs, ends = Runs(), _Ends(joined)
    for edit, number, own, picture in _walk(cut, vault):
        ends.add(edit, number, own)
        look = Look(picture)
        figures.append((look.luma, look.saturation, look.sharpness))
        dark.append(look.is_black())
        if (change := runs.add(picture)) is not None:
            changes.append(change)
    ends.close()
    light, colour, sharp = np.array(figures, np.float64).T
    track = Track(light, colour, sharp, np.array(changes, np.float64), tuple(spans_of(dark)), tuple(runs.spans()))
    return track, tuple(ends.seams)


class _Ends:
    """Seams, measured as the film goes by: the last frames of an edit and the first of the next are held, each once."""

    def __init__(self, joined: Joined) -> None:
        self.joined = joined
        self.seams: list[Seam] = []
        self._edit: Edit | None = None
        self._out: Edit | None = None
        self._before: list[Frames] = []
        self._seen: dict[int, None] = {}
        self._first: list[Frames] = []
        self._last: deque[Frames] = deque(maxlen=AROUND)

    def add(self, edit: Edit, number: int, own: Frames) -> None:
        """Frame `number` of the take that an edit shows: [height, width, 3]."""
        if edit is not self._edit:
            self.close()
            self._out, self._edit, self._before = self._edit, edit, list(self._last)
            self._seen, self._first = {}, []
            self._last.clear()
        if number in self._seen:
            return
        self._seen[number] = None
        own = own.copy()  # a view would hold all that was read with it
        self._last.append(own)
        if len(self._first) < AROUND:
            self._first.append(own)

    def close(self) -> None:
        """The edit is over."""
        import numpy as np

        if self._out and self._edit and _is_seam(self.joined, self._out, self._edit):
            self.seams.append(_seam(self._out, self._edit, np.stack(self._before), np.stack(self._first)))


def pictures(cut: Cut, vault: Vault) -> Iterator[Frames]:
    """What the film shows before encoding: [height, width, 3] for each frame. Raises MissingTakes, DamagedFootage."""
    return (picture for _, _, _, picture in _walk(cut, vault))


def _walk(cut: Cut, vault: Vault) -> Iterator[tuple[Edit, int, Frames, Frames]]:
    """Each film frame: its edit, which frame of the take that is, that frame, and the picture, which may be mixed."""
    import numpy as np

    parts = [(edit, stretch) for edit in cut.edits for stretch in _stretches(len(edit))]

    def read(edit: Edit, stretch: slice) -> tuple[Frames, Frames | None]:
        under = edit.mix.under if edit.mix else None
        over = shown(cut, vault, edit.strip.key, edit.strip.frames[stretch])
        if edit.mix is None:
            return over, None
        return over, shown(cut, vault, under.key, under.frames[stretch]) if under else np.zeros_like(over)

    reads = read_ahead(partial(read, *part) for part in parts)
    for (edit, stretch), (over, below) in zip(parts, reads, strict=True):
        for place, own in enumerate(over, stretch.start):
            picture = own
            if edit.mix is not None and below is not None:
                low, high = map(float, edit.mix.weights(place))
                picture = np.rint(low * below[place - stretch.start] + high * own).astype(np.uint8)
            yield edit, edit.strip.frames[place], own, picture


def _stretches(frames: int) -> Iterator[slice]:
    """So many frames in as few parts as may be, all about as long."""
    count = -(-frames // _STRETCH)
    edges = [frames * place // count for place in range(count + 1)]
    return (slice(*each) for each in pairwise(edges))


def read_ahead(reads: Iterable[Callable[[], T]]) -> Iterator[T]:
    """What each of these calls gives, in order; the next one is made in a thread while one is looked at."""
    with ThreadPoolExecutor(1) as reader:
        waiting: deque[Future[T]] = deque()
        for read in reads:
            waiting.append(reader.submit(read))
            if len(waiting) > 1:
                yield waiting.popleft().result()
        yield from (each.result() for each in waiting)


def shown(cut: Cut, vault: Vault, key: str, frames: Sequence[int]) -> Frames:
    """Frames of a take as the film shows them: [n, height, width, 3]. Raises MissingTakes, DamagedFootage."""
    take = vault.find(key)
    if take is None:
        raise MissingTakes("the film shows a take that is not in the vault", "render the film first")
    return resample(vault.frames(take, frames), cut.width, cut.height, cut.fit)
