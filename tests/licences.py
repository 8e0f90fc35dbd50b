"""Writes LICENSES.md: the licence of every package that the core and its extras bring, by their installed metadata.

python -m tests.licences
"""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).parent.parent
PATH: Final = ROOT / "LICENSES.md"
EXTRAS: Final = ("brought", "scopes", "ray")
_HEAD: Final = """\
# Licences of what storyboard depends on

storyboard itself is under Apache-2.0, and so are the weights of its model `pocket`. It carries nothing of what stands
here: these are the packages that an installation brings, with the licence that each states in its metadata. On Linux,
pip's usual build of torch also brings CUDA libraries, which are under NVIDIA's own terms; the build for CPUs does not.
The ffmpeg that imageio-ffmpeg and av bring is under the GPL and the LGPL, and runs as they deliver it. Licences of
weights that you name yourself: `storyboard engines NAME`.

`python -m tests.licences` writes this page.

| package | licence |
|---|---|
"""


def rows() -> list[str]:
    """A row of the table for each package that is installed because of the core or one of its extras, sorted."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    open_ends = list(project["dependencies"])
    for extra in EXTRAS:
        open_ends += project["optional-dependencies"].get(extra, [])
    found: dict[str, str] = {}
    while open_ends:
        requirement = Requirement(open_ends.pop())
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        package = metadata.distribution(name)
        found[name] = f"| {package.metadata['Name']} | {_licence(package.metadata)} |"
        open_ends += package.requires or ()
    return [found[name] for name in sorted(found)]


def _licence(said: metadata.PackageMetadata) -> str:
    """What a package states, in the most precise of the places where it may: an expression, classifiers, a text."""
    text = said.get("License", "").strip().partition("\n")[0]
    kinds = [line.rpartition(" :: ")[2] for line in said.get_all("Classifier", []) if line.startswith("License ::")]
    named = [kind for kind in kinds if kind != "OSI Approved"]
    licence = said.get("License-Expression") or (text if len(text) < 40 else "") or ", ".join(named)
    assert licence, f"{said['Name']} states no licence"
    return str(licence)


if __name__ == "__main__":
    PATH.write_text(_HEAD + "\n".join(rows()) + "\n")
