"""What training writes and reads again: the sizes of the parts, and their weights in eight and sixteen bits."""

from pathlib import Path

import pytest
import torch
from torch import nn

from training import dit
from training.common import load_weights, narrow, packed, save_weights
from training.models import POCKET, TINY, build_text, build_transformer, build_vae, pieces


def test_the_pocket_model_leaves_room_in_24_megabytes() -> None:
    parts = build_vae(POCKET), build_transformer(POCKET), build_text(POCKET, 1000)
    wide = 0
    for part in parts:
        pack = part is not parts[2]
        wide += sum((1 if pack and packed(name, p) else 2) * p.numel() for name, p in part.named_parameters())
    assert 23_000_000 < wide < 23_800_000
    assert (parts[0].spatial_compression_ratio, parts[0].temporal_compression_ratio) == (16, 4)


def test_weights_come_back_and_too_large_ones_are_refused(tmp_path: Path) -> None:
    net = nn.Linear(16, 16)
    save_weights(net, tmp_path / "net.safetensors")
    again = nn.Linear(16, 16)
    load_weights(again, tmp_path / "net.safetensors")
    assert torch.allclose(again.weight, net.weight, atol=1e-3)
    with pytest.raises(ValueError, match=r"`big\.safetensors` are larger than 16 MiB"):
        save_weights(nn.Linear(4096, 2100), tmp_path / "big.safetensors")
    assert not list(tmp_path.glob("big*"))


def test_packed_weights_are_the_narrowed_ones_and_the_edges_keep_their_bits(tmp_path: Path) -> None:
    vae = build_vae(POCKET)
    save_weights(vae, tmp_path / "vae.safetensors", pack=True)
    assert (tmp_path / "vae.safetensors").stat().st_size < 1.2 * sum(p.numel() for p in vae.parameters())
    again = build_vae(POCKET)
    load_weights(again, tmp_path / "vae.safetensors")
    narrow(vae)
    for (name, ours), theirs in zip(vae.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs) if packed(name, ours) else torch.allclose(ours, theirs, atol=2e-3)
    assert not packed("decoder.conv_in.conv.weight", vae.decoder.conv_in.conv.weight)


def test_rows_go_with_their_words_when_the_world_has_grown(tmp_path: Path) -> None:
    old, new = pieces(["bear", "mars"]), pieces(["a", "bear", "mars", "zebra"])
    before = dit.Student(TINY, len(old) + 3, [2])
    dit.save(before.transformer, before.text, old, tmp_path)
    after = dit.Student(TINY, len(new) + 3, [2])
    fresh = after.text.shared.weight[new.index("zebra") + 3].clone()
    dit.load_for(new, after, TINY, tmp_path)
    for word in ("bear", "mars", "."):
        rows = after.text.shared.weight[new.index(word) + 3], before.text.shared.weight[old.index(word) + 3]
        assert torch.allclose(*rows, atol=1e-2)
    assert torch.equal(after.text.shared.weight[new.index("zebra") + 3], fresh)
