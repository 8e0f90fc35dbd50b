"""Test engines are announced by an entry point, as any third party's; child processes see them too."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.tally import pytest_runtest_makereport, pytest_terminal_summary

__all__ = ["pytest_runtest_makereport", "pytest_terminal_summary"]

settings.register_profile("unhurried", deadline=None)  # no test is timed: a busy machine breaks nothing
settings.load_profile("unhurried")


__all__ = ["pytest_runtest_makereport", "pytest_terminal_summary"]

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
