"""One spelling for equal data, another for different data; frames by size and pixels."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.digest import (
    Plain,
    canonical,
    digest_bytes,
    digest_file,
    digest_frame,
    digest_of,
    seed_from,
)

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def test_the_spelling_is_fixed_for_all_time() -> None:
    data: Plain = {"b": [1, 1.5, None, True], "a": "é", "c": Fraction(24000, 1001), "d": MappingProxyType({"x": 0.1})}
    assert canonical(data) == b'{"a":"\\u00e9","b":[1,1.5,null,true],"c":"24000/1001","d":{"x":0.1}}'
    assert digest_of({}) == hashlib.sha256(b"{}").hexdigest()


@given(st.dictionaries(st.text(), plain, min_size=2, max_size=6))
def test_the_order_of_a_mapping_means_nothing(data: dict[str, Plain]) -> None:
    assert canonical(data) == canonical(dict(reversed(data.items())))


@given(plain, plain)
def test_equal_spellings_are_equal_data(one: Plain, other: Plain) -> None:
    assert (canonical(one) == canonical(other)) == (repr(_sorted(one)) == repr(_sorted(other)))


def _sorted(data: Plain) -> object:
    if isinstance(data, dict):
        return {key: _sorted(data[key]) for key in sorted(data)}
    return [_sorted(item) for item in data] if isinstance(data, list) else data


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_has_no_spelling(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical([value])


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, Path("x"), object()])
def test_what_is_not_plain_has_no_spelling(value: object) -> None:
    with pytest.raises(TypeError, match="is not plain data"):
        canonical({"x": value})  # type: ignore[dict-item]


def test_a_file_is_digested_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000
    path = tmp_path / "file"
    path.write_bytes(content)
    assert digest_file(path) == digest_bytes(content) == digest_bytes(memoryview(content))
    with pytest.raises(FileNotFoundError):
        digest_file(tmp_path / "missing")


def test_a_frame_is_its_size_and_its_pixels() -> None:
    frame = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    digest = digest_frame(frame)
    assert digest == digest_frame(np.asfortranarray(frame)) == digest_frame(np.stack([frame, frame])[1])
    assert digest == digest_frame(np.repeat(frame, 2, axis=1)[:, ::2])
    other = frame.copy()
    other[3, 5, 2] ^= 1
    assert len({digest, digest_frame(other), digest_frame(frame.reshape(6, 4, 3)), digest_frame(frame[::-1])}) == 4


def test_seeds_come_from_names_alone_and_fit_every_generator() -> None:
    seeds = {seed_from(7, "surface", shot, take) for shot in range(10) for take in range(10)}
    assert len(seeds) == 100 and all(0 <= seed < 2**52 for seed in seeds)
    assert seed_from("ab", "c") != seed_from("a", "bc")
    assert seed_from(7, "surface", 1, 1) == seed_from(7, "surface", 1, 1)


def test_digests_are_the_same_in_every_process() -> None:
    code = (
        "from storyboard.digest import seed_from, digest_of; print(seed_from(7, 'a'), digest_of({'b': 1, 'a': [.1]}))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in "12"
    }
    assert runs == {f"{seed_from(7, 'a')} {digest_of({'b': 1, 'a': [0.1]})}\n"}
