"""Writes the expected report beside each faulty screenplay of this folder; read the difference before you keep it.

python tests/golden/regenerate.py
"""

from __future__ import annotations

import os
from pathlib import Path

from storyboard.errors import ScreenplayError
from storyboard.screenplay import load

os.chdir(Path(__file__).parent)
for film in sorted(Path().glob("*.yaml")):
    try:
        load(film)
        print(f"{film}: no fault")
    except ScreenplayError as error:
        film.with_suffix(".txt").write_text(f"{error}\n", encoding="utf-8")
