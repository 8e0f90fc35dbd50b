"""The causal video autoencoder of Pyramid Flow: golden files, clips in pieces, and tiles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pyramid_parts import GOLDEN, golden, tiny_vae

NEAR = 1e-5


def near(made: Any, wanted: Any) -> None:
    import torch

    torch.testing.assert_close(made, wanted, rtol=0, atol=NEAR)


def mean_and_std(moments: Any) -> tuple[Any, Any]:
    mean, log_variance = moments.chunk(2, 1)
    return mean, (log_variance.clamp(-30, 20) / 2).exp()


def test_a_picture_and_a_clip_have_the_golden_latents_in_whatever_pieces() -> None:
    io, vae = golden("vae_tiny.io"), tiny_vae()
    picture = vae.encode(io["x1"])
    near(picture.mean, io["enc1.mean"])
    near(picture.std, io["enc1.std"])
    mean, std = mean_and_std(io["enc25.moments"])
    for window in (8, 16, 24):
        clip = vae.encode(io["x25"], window)
        near(clip.mean, mean)
        near(clip.std, std)


def test_latents_have_the_golden_frames_in_whatever_pieces() -> None:
    io, vae = golden("vae_tiny.io"), tiny_vae()
    for window in (1, 2, 3, 100):
        near(vae.decode(io["z"], window), io["dec.full"])
    near(vae.decode(io["z"][:, :, :1]), io["dec.z1"])


def test_the_beginning_of_a_clip_knows_nothing_of_what_follows() -> None:
    io, vae = golden("vae_tiny.io"), tiny_vae()
    near(vae.encode(io["x25"][:, :, :17]).mean, mean_and_std(io["enc25.moments"])[0][:, :, :3])
    near(vae.decode(io["z"][:, :, :2]), io["dec.full"][:, :, :9])


def test_tiles_are_the_golden_ones_and_only_cut_on_request() -> None:
    io, vae = golden("vae_tiny.io"), tiny_vae()
    vae.tile = 32
    whole = vae.decode(io["zt"])
    assert (whole - io["dec_tile32"]).abs().max() > 100 * NEAR, "else this tests nothing"
    vae.use_tiling = True
    near(vae.decode(io["zt"]), io["dec_tile32"])
    mean, std = mean_and_std(io["enc_tile32.moments"])
    tiles = vae.encode(io["xt"])
    near(tiles.mean, mean)
    near(tiles.std, std)
    vae.tile = 256
    near(vae.decode(io["zt"]), whole)


def test_what_it_calculates_in_bfloat16_is_near_and_comes_back_as_exact_numbers() -> None:
    import torch

    io, vae = golden("vae_tiny.io"), tiny_vae()
    vae.to(torch.bfloat16)
    made = vae.decode(io["z"])
    assert made.dtype == torch.float32 and vae.encode(io["x1"]).mean.dtype == torch.float32
    assert (made - io["dec.full"]).square().mean().sqrt() < 0.05 * io["dec.full"].std()


@pytest.mark.parametrize("how", ["model", "group", "sequential"])
def test_the_hooks_of_offload_reach_all_of_it_and_change_nothing(how: str) -> None:
    import torch
    from accelerate import cpu_offload, cpu_offload_with_hook
    from diffusers.hooks import apply_group_offloading

    io, vae, here = golden("vae_tiny.io"), tiny_vae(), torch.device("cpu")
    with torch.no_grad():
        latents, frames = vae.encode(io["x25"]).mean, vae.decode(io["z"])
        if how == "model":
            cpu_offload_with_hook(vae, here)
        elif how == "group":
            apply_group_offloading(vae, here, here, "leaf_level")
        else:
            cpu_offload(vae, here)
            assert next(vae.parameters()).is_meta, "else this tests nothing"
        assert torch.equal(vae.encode(io["x25"]).mean, latents)
        assert torch.equal(vae.decode(io["z"]), frames)


def test_frames_become_normalized_latents_and_those_become_frames_again() -> None:
    import numpy as np
    import torch

    from storyboard.engines.pyramid.frames import frames_of, latents_of, normalized, restored
    from storyboard.engines.pyramid.parts import FLUX_NORMALIZATION, MMDIT_NORMALIZATION

    vae = tiny_vae()
    frames = np.random.default_rng(0).integers(0, 256, (9, 16, 24, 3), np.uint8)
    latents = latents_of(frames, vae, FLUX_NORMALIZATION, "cpu")
    assert latents.shape == (1, 4, 2, 2, 3)
    plain = vae.encode(torch.from_numpy(frames).permute(3, 0, 1, 2)[None] / 127.5 - 1).mean
    near(latents[:, :, 0], (plain[:, :, 0] + 0.04) / 1.8726)
    near(latents[:, :, 1], (plain[:, :, 1] + 0.2343) / 3.0986)
    near(restored(latents, FLUX_NORMALIZATION), plain)
    assert not torch.equal(normalized(plain, MMDIT_NORMALIZATION), latents)
    shown = frames_of(latents, vae, FLUX_NORMALIZATION, "cpu")
    assert shown.shape == frames.shape
    near(torch.from_numpy(shown), (vae.decode(plain)[0].permute(1, 2, 3, 0) / 2 + 0.5).clamp(0, 1))


def test_weights_of_the_published_size_have_the_published_names_and_shapes() -> None:
    import torch

    from storyboard.engines.pyramid.vae import CausalVideoVae, VaeConfig

    with torch.device("meta"):
        vae = CausalVideoVae(VaeConfig())
    wanted = json.loads((GOLDEN / "keys_full.json").read_text())["vae"]
    assert {name: list(each.shape) for name, each in vae.state_dict().items()} == wanted


def test_a_clip_that_is_not_8n_plus_1_frames_is_our_own_mistake() -> None:
    import torch

    with pytest.raises(AssertionError):
        tiny_vae().encode(torch.zeros(1, 3, 8, 16, 16))
