"""Both transformers of Pyramid Flow against golden files, and their weights' names and shapes at full size."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.pyramid_parts import GOLDEN, golden, tiny_transformer

CASES = ("a_image", "b_one", "c_two", "d_full", "e_stage0", "f_stage1")
each_kind = pytest.mark.parametrize("kind", ["flux", "mmdit"])
each_case = pytest.mark.parametrize("case", CASES)


def asked(io: dict[str, Any], case: str) -> tuple[Any, Any, Any]:
    """What a transformer is asked in a golden case: noisy latents, timesteps, context."""
    from storyboard.engines.pyramid.parts import Context, Texts

    count = sum(name.startswith(f"{case}.clip") for name in io)
    *clips, noisy = (io[f"{case}.clip{index}"] for index in range(count))
    return noisy, io[f"{case}.t"], Context(Texts(io["text"], io["text_mask"], io["pooled"]), tuple(clips))


def answer(transformer: Any, noisy: Any, timestep: Any, context: Any) -> Any:
    import torch

    with torch.no_grad():
        return transformer(noisy, timestep, context)


@each_case
@each_kind
def test_its_velocities_are_the_golden_ones(kind: str, case: str) -> None:
    import torch

    io = golden(f"{kind}_tiny.io")
    torch.testing.assert_close(answer(tiny_transformer(kind), *asked(io, case)), io[f"{case}.out"], rtol=0, atol=1e-5)


@each_kind
def test_what_each_block_makes_of_video_and_of_text_that_is_there_is_the_golden(kind: str) -> None:
    import torch

    io, transformer = golden(f"{kind}_tiny.io"), tiny_transformer(kind)
    seen: list[Any] = []
    for block in transformer.transformer_blocks:
        block.register_forward_hook(lambda block, given, made: seen.append(made))
    answer(transformer, *asked(io, "d_full"))
    there = io["text_mask"].sum(1).tolist()
    for index, (text, video) in enumerate(seen):
        torch.testing.assert_close(video, io[f"d_full.block{index}.video"], rtol=0, atol=1e-5)
        if f"d_full.block{index}.text" in io:  # the last block of the one kind makes nothing of it
            wanted = io[f"d_full.block{index}.text"]
            for row, count in enumerate(there):
                torch.testing.assert_close(text[row, -count:], wanted[row, :count], rtol=0, atol=1e-5)


@each_kind
def test_tokens_of_several_times_may_be_taken_together_or_apart(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from storyboard.engines.pyramid import attention

    io = golden(f"{kind}_tiny.io")
    for most in (1, 30, 10_000):
        monkeypatch.setattr(attention, "_GROUP", most)
        made = answer(tiny_transformer(kind), *asked(io, "d_full"))
        torch.testing.assert_close(made, io["d_full.out"], rtol=0, atol=1e-5)


@each_kind
def test_padding_counts_for_nothing(kind: str) -> None:
    io, transformer = golden(f"{kind}_tiny.io"), tiny_transformer(kind)
    plain = answer(transformer, *asked(io, "d_full"))
    states = io["text"].masked_fill(io["text_mask"][..., None] == 0, float("nan"))
    assert (answer(transformer, *asked(io | {"text": states}, "d_full")) == plain).all()
    assert int(io["text_mask"].sum()) < io["text_mask"].numel(), "else this tests nothing"


@each_kind
def test_what_is_kept_changes_nothing(kind: str) -> None:
    io, transformer = golden(f"{kind}_tiny.io"), tiny_transformer(kind)
    noisy, timestep, context = asked(io, "d_full")
    first = answer(transformer, noisy, timestep, context)
    assert context.kept and context.texts.kept
    assert (answer(transformer, noisy, timestep, context) == first).all()
    later = answer(transformer, noisy * 0.9, timestep * 0.5, context)
    anew = answer(transformer, noisy * 0.9, timestep * 0.5, asked(io, "d_full")[2])
    assert (later == anew).all() and not (later == first).any()
    warm = replace(context, kept={})
    assert (answer(transformer, noisy, timestep, warm) == first).all()


@each_kind
def test_in_bfloat16_it_is_as_near_as_bfloat16_is(kind: str) -> None:
    import torch

    io, transformer = golden(f"{kind}_tiny.io"), tiny_transformer(kind).to(torch.bfloat16)
    made = answer(transformer, *asked(io, "d_full"))
    assert made.dtype == torch.bfloat16
    wanted = golden("bf16.io")[f"{kind}.d_full.out_bf16"].float()
    error = (made.float() - wanted).square().mean().sqrt()
    assert error <= 0.02, error


@each_kind
def test_weights_of_the_published_size_have_the_published_names_and_shapes(kind: str) -> None:
    import torch

    from storyboard.engines.pyramid.flux import PyramidFluxTransformer
    from storyboard.engines.pyramid.mmdit import PyramidDiffusionMMDiT

    with torch.device("meta"):
        made: Any = {"flux": PyramidFluxTransformer, "mmdit": PyramidDiffusionMMDiT}[kind]()
    wanted = json.loads((GOLDEN / "keys_full.json").read_text())[kind]
    assert {name: list(each.shape) for name, each in made.state_dict().items()} == wanted
