"""What the API offers by name, and its six lines as the README has them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

from storyboard import api
from tests.films import decoded, scene, screenplay, text_of


def test_all_names_what_the_api_offers() -> None:
    public = [name for name, value in vars(api).items() if name[0] != "_" and not isinstance(value, ModuleType)]
    assert sorted(api.__all__) == list(api.__all__) == sorted(public)


def test_the_six_lines_of_the_library(tmp_path: Path) -> None:
    (tmp_path / "film.yaml").write_text(text_of(screenplay([scene("a"), scene("b")])))
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    code = readme.split("```python\n")[1].split("```")[0]
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert len(decoded(tmp_path / "film.mp4")) == 16
