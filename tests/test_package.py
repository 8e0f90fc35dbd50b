"""What the package offers by name, and the six lines of the library as the README has them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import storyboard
from tests.films import decoded, scene, screenplay, text_of


def test_all_names_what_the_package_offers() -> None:
    assert list(storyboard.__all__) == sorted(storyboard._HOMES)
    offered = {name: getattr(storyboard, name) for name in storyboard.__all__}
    assert all(value.__module__.startswith("storyboard.") for value in offered.values())
    assert {value.__name__ for value in offered.values()} == set(storyboard.__all__)


def test_the_six_lines_of_the_library(tmp_path: Path) -> None:
    (tmp_path / "film.yaml").write_text(text_of(screenplay([scene("a"), scene("b")])))
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    code = readme.split("```python\n")[1].split("```")[0]
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert len(decoded(tmp_path / "film.mp4")) == 16
