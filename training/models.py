"""The parts of the pocket model at their sizes, as plain diffusers and transformers classes, untrained.

Imports torch, diffusers, transformers and tokenizers; nothing of this folder. The sizes of `pocket` are what 24 MB
hold with matrices in eight bits: 8.5 M for the autoencoder, 12.5 M for the transformer, 0.8 M for the text encoder.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLLTXVideo, FlowMatchEulerDiscreteScheduler, LTXVideoTransformer3DModel
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers import models as token_models
from torch import nn
from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

_PIECE = r"'s\b|[^\W_]+|[^\w\s]"

RATE = 8
FRAMES = 33
SIDE = 128
TAILS = (1, 5, 9)
"""Frames that a continuation or a head may have: 4k + 1, for k + 1 latents."""


@dataclass(frozen=True)
class Size:
    """Everything that decides a parameter's shape."""

    latents: int
    encoder: tuple[int, int, int]
    decoder: tuple[int, int]
    encoder_layers: tuple[int, int, int]
    decoder_layers: tuple[int, int, int]
    heads: int
    head_width: int
    layers: int
    text_width: int
    text_heads: int
    text_layers: int
    tokens: int = 40
    """Of a caption, the end mark included; longer ones are cut."""

    @property
    def width(self) -> int:
        """Of the transformer."""
        return self.heads * self.head_width


POCKET = Size(
    latents=64,
    encoder=(48, 96, 128),
    decoder=(64, 128),
    encoder_layers=(2, 2, 1),
    decoder_layers=(3, 3, 2),
    heads=5,
    head_width=64,
    layers=7,
    text_width=160,
    text_heads=5,
    text_layers=3,
)
TINY = Size(
    latents=8,
    encoder=(8, 8, 8),
    decoder=(8, 16),
    encoder_layers=(1, 1, 1),
    decoder_layers=(1, 1, 1),
    heads=2,
    head_width=24,
    layers=2,
    text_width=32,
    text_heads=2,
    text_layers=1,
)


def size_named(name: str) -> Size:
    """`pocket`, or `tiny` for tests."""
    return {"pocket": POCKET, "tiny": TINY}[name]


def build_vae(size: Size) -> AutoencoderKLLTXVideo:
    """16 x 16 pixels x 4 frames to one latent, causal both ways, with shortcuts round each change of resolution."""
    vae = AutoencoderKLLTXVideo(
        latent_channels=size.latents,
        block_out_channels=size.encoder,
        down_block_types=("LTXVideo095DownBlock3D",) * 2,
        downsample_type=("spatiotemporal",) * 2,
        layers_per_block=size.encoder_layers,
        spatio_temporal_scaling=(True, True),
        decoder_block_out_channels=size.decoder,
        decoder_layers_per_block=size.decoder_layers,
        decoder_spatio_temporal_scaling=(True, True),
        decoder_inject_noise=(False,) * 3,
        upsample_residual=(True, True),
        upsample_factor=(1, 2),
        patch_size=4,
        encoder_causal=True,
        decoder_causal=True,
        scaling_factor=1.0,
    )
    with torch.no_grad():
        for module in vae.modules():
            if hasattr(module, "conv2"):
                module.conv2.conv.weight.mul_(0.1)  # each block begins near its shortcut
        out = vae.encoder.conv_out.conv
        out.weight[-1].zero_()
        out.bias[-1] = -5.0  # log-variance: samples begin close to their mean
    return vae


def build_transformer(size: Size) -> LTXVideoTransformer3DModel:
    """A token is one latent. Each block begins as a small step, with its gates open."""
    transformer = LTXVideoTransformer3DModel(
        in_channels=size.latents,
        out_channels=size.latents,
        num_attention_heads=size.heads,
        attention_head_dim=size.head_width,
        cross_attention_dim=size.width,
        num_layers=size.layers,
        caption_channels=size.text_width,
    )
    with torch.no_grad():
        for name, module in transformer.named_modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=1 / math.sqrt(module.in_features))
                nn.init.zeros_(module.bias)
                if name.endswith("to_out.0") or name.endswith("ff.net.2"):
                    module.weight.mul_(0.5 / math.sqrt(size.layers))
        transformer.time_embed.linear.weight.mul_(0.1)
        nn.init.zeros_(transformer.proj_out.weight)
        for block in transformer.transformer_blocks:
            nn.init.zeros_(block.scale_shift_table)
            block.scale_shift_table[[2, 5]] = 1.0  # the gates of attention and of the feed-forward part
        nn.init.zeros_(transformer.scale_shift_table)
    return transformer


def build_text(size: Size, words: int) -> T5EncoderModel:
    """An encoder for `words` token ids."""
    text = T5EncoderModel(
        T5Config(
            vocab_size=words,
            d_model=size.text_width,
            d_kv=size.text_width // size.text_heads,
            d_ff=size.text_width * 5 // 2,
            num_layers=size.text_layers,
            num_heads=size.text_heads,
            relative_attention_num_buckets=16,
            relative_attention_max_distance=32,
            feed_forward_proj="relu",
            is_encoder_decoder=False,
            dropout_rate=0.0,
            pad_token_id=0,
            eos_token_id=1,
        )
    )
    nn.init.normal_(text.shared.weight, std=1.0)
    return text


def pieces(words: Iterable[str]) -> list[str]:
    """The tokens that these words and punctuation are made of, in the order of their ids, from id 3 on."""
    found = {piece for word in words for piece in re.findall(_PIECE, word.lower())}
    return sorted(found | {*".,!?:;-'", "'s"})


def build_tokenizer(words: Iterable[str]) -> PreTrainedTokenizerFast:
    """One id a word: 0 padding, 1 end, 2 unknown; capitals are the same word, punctuation stands by itself.

    Of the plain fast class, which keeps its normaliser when it is loaded again (the T5 one does not).
    """
    marks = {"<pad>": 0, "</s>": 1, "<unk>": 2}
    vocabulary = marks | {piece: index for index, piece in enumerate(pieces(words), len(marks))}
    tokenizer = Tokenizer(token_models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex("[\u2018\u2019]"), "'")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_PIECE), behavior="removed", invert=True)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=64
    )


def build_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """Unshifted, as timesteps are given one by one."""
    return FlowMatchEulerDiscreteScheduler(shift=1.0)
