"""The same numbers again, torch left as it was, and a look at each step."""

from __future__ import annotations

import pytest
import torch

from storyboard.engines import arithmetic
from storyboard.errors import BadFootage


def test_settings_of_torch_are_put_back_even_after_an_error() -> None:
    def settings() -> tuple[object, ...]:
        fills = torch.utils.deterministic.fill_uninitialized_memory
        strict = torch.are_deterministic_algorithms_enabled()
        return torch.get_num_threads(), strict, fills, torch.get_rng_state().sum()

    before = settings()
    with pytest.raises(KeyError), arithmetic.reproducible("cpu", 7) as generator:
        first = torch.get_num_threads(), torch.rand(2).tolist(), torch.rand(2, generator=generator).tolist()
        raise KeyError
    assert settings() == before
    with arithmetic.reproducible("cpu", 7) as generator:
        assert first == (arithmetic.CPU_THREADS, torch.rand(2).tolist(), torch.rand(2, generator=generator).tolist())
    assert first[1] != first[2], "what draws from the global generator draws other numbers"


def test_latents_that_are_no_numbers_end_the_shot_before_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    report = arithmetic.after_step("a/1", lambda step, steps: told.append((step, steps)), 3)
    assert report(None, 0, None, {"latents": torch.zeros(2)}) == {}
    for odd in (float("nan"), float("inf")):
        with pytest.raises(BadFootage, match="after step 2"):
            report(None, 1, None, {"latents": torch.tensor([0.0, odd])})
    assert told == [(1, 3)]
