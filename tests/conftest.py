"""Test engines are announced by an entry point, as any third party's; child processes see them too."""

import os
import sys
from pathlib import Path

PLUGIN = str(Path(__file__).parent / "plugin")
sys.path.insert(0, PLUGIN)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [PLUGIN, os.environ.get("PYTHONPATH")]))
os.environ.pop("STORYBOARD_VAULT", None)
