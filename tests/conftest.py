"""Test engines are announced by an entry point, as any third party's; child processes see them too."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGIN = str(Path(__file__).parent / "plugin")
sys.path.insert(0, PLUGIN)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [PLUGIN, os.environ.get("PYTHONPATH")]))
os.environ.pop("STORYBOARD_VAULT", None)
os.environ.setdefault("GOMP_SPINCOUNT", "3000")  # waiting threads would keep the cores from other tests


@pytest.fixture(scope="session", autouse=True)
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is remembered of weights stays out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
