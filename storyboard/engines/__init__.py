"""The registry of engines: names -> specs, imported only when asked for.

Built-in engines are listed here; others announce themselves by an entry point of the group `storyboard.engines`
whose value is an `EngineSpec`. Nothing heavy is imported to read a spec.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from storyboard.engines.base import (
    Assignment,
    Capabilities,
    Engine,
    EngineOptions,
    EngineSpec,
    FrameRule,
    Progress,
)
from storyboard.errors import EngineUnavailable

__all__ = [
    "DEFAULT",
    "INTERNAL",
    "Assignment",
    "Capabilities",
    "Engine",
    "EngineOptions",
    "EngineSpec",
    "FrameRule",
    "Progress",
    "is_built_in",
    "known",
    "spec_of",
]

DEFAULT: Final = "pocket"
"""The engine of a screenplay that names none."""

GROUP: Final = "storyboard.engines"
_BUILT_IN: Final = {
    "animatic": "storyboard.engines.animatic",
    "cogvideox": "storyboard.engines.cogvideox",
    "framepack": "storyboard.engines.framepack",
    "easyanimate": "storyboard.engines.easyanimate",
    "ltx": "storyboard.engines.ltx",
    "ltx2": "storyboard.engines.ltx2",
    "modelscope": "storyboard.engines.modelscope",
    "pocket": "storyboard.engines.pocket",
    "pyramid": "storyboard.engines.pyramid.engine",
    "wan": "storyboard.engines.wan",
}
INTERNAL: Final = {"card": "storyboard.engines.card", "archive": "storyboard.engines.archive"}
"""What draws title cards and reads the author's own footage: engines to the crew, not for authors to name."""


def known() -> tuple[str, ...]:
    """Names that an author may use, sorted."""
    from importlib import metadata

    return tuple(sorted({*_BUILT_IN, *(point.name for point in metadata.entry_points(group=GROUP))}))


def is_built_in(name: str) -> bool:
    """Whether an engine is part of this package, so that our own version is all there is to know of it."""
    return name in _BUILT_IN or name in INTERNAL


def spec_of(name: str, *, internal: bool = False) -> EngineSpec:
    """The spec of an engine by name. Imports that engine's module only.

    Raises KeyError where there is none, EngineUnavailable where a package's announcement of it is broken.
    """
    modules = _BUILT_IN | INTERNAL if internal else _BUILT_IN
    if name in modules:
        spec = import_module(modules[name]).SPEC
    else:
        from importlib import metadata

        points = metadata.entry_points(group=GROUP, name=name)
        if not points:
            raise KeyError(name)
        point = next(iter(points))
        try:
            spec = point.load()
        except Exception as error:  # whatever the import of somebody's package raises
            message = f"engine `{name}` cannot be loaded from `{point.value}`: {type(error).__name__}: {error}"
            raise EngineUnavailable(message, "update or remove the package that announces it") from error
    if not isinstance(spec, EngineSpec) or spec.name != name:
        message = f"engine `{name}`: its entry point is no EngineSpec of that name"
        raise EngineUnavailable(message, "update or remove the package that announces it")
    return spec
