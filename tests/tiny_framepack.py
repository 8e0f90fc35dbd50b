"""A tiny FramePack checkpoint with random weights, in one folder or in three as its makers have it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.tiny import _letters

LATENTS = 4
SIDE = 32
WORDS = [
    "A",
    "bear",
    "swims",
    "in",
    "the",
    "sea",
    ".",
    "Fireworks",
    "over",
    "a",
    "city",
    "at",
    "night",
    "word",
    "This",
    "is",
    "b",
    "c",
]
_PIECE = r"<\|\w+\|>|\w+|[^\w\s]"


def tiny_framepack(folder: Path) -> Path:
    """All parts in one folder: 4 frames and 8 pixels a latent."""
    import torch
    from diffusers import (
        AutoencoderKLHunyuanVideo,
        FlowMatchEulerDiscreteScheduler,
        HunyuanVideoFramepackPipeline,
        HunyuanVideoFramepackTransformer3DModel,
    )
    from transformers import SiglipImageProcessorPil

    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer = HunyuanVideoFramepackTransformer3DModel(
            in_channels=LATENTS,
            out_channels=LATENTS,
            num_attention_heads=2,
            attention_head_dim=10,
            num_layers=1,
            num_single_layers=1,
            num_refiner_layers=1,
            text_embed_dim=16,
            pooled_projection_dim=8,
            rope_axes_dim=(2, 4, 4),
            has_image_proj=True,
            image_proj_dim=16,
            has_clean_x_embedder=True,
        )
        vae = AutoencoderKLHunyuanVideo(
            latent_channels=LATENTS,
            down_block_types=("HunyuanVideoDownBlock3D",) * 4,
            up_block_types=("HunyuanVideoUpBlock3D",) * 4,
            block_out_channels=(8,) * 4,
            layers_per_block=1,
            norm_num_groups=4,
        ).eval()
        parts = _readers()
        with torch.no_grad():
            spread = vae.decode(torch.randn(1, LATENTS, 3, 4, 4), return_dict=False)[0].std()
            vae.decoder.conv_out.conv.weight /= spread * 2
            transformer.proj_out.weight *= 4
    pipeline = HunyuanVideoFramepackPipeline(
        transformer=transformer,
        vae=vae,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        tokenizer=_words(),
        tokenizer_2=_letters(),
        feature_extractor=SiglipImageProcessorPil(size={"height": 8, "width": 8}),
        **parts,
    )
    pipeline.save_pretrained(folder)
    return folder


def _readers():  # type: ignore[no-untyped-def]
    """What reads texts and looks at pictures."""
    from transformers import (
        CLIPTextConfig,
        CLIPTextModel,
        LlamaConfig,
        LlamaModel,
        SiglipVisionConfig,
        SiglipVisionModel,
    )

    small = {"intermediate_size": 37, "num_attention_heads": 4, "num_hidden_layers": 4}
    clip = _letters()
    ends = {"bos_token_id": clip.bos_token_id, "eos_token_id": clip.eos_token_id}
    return {
        "text_encoder": LlamaModel(LlamaConfig(vocab_size=len(_words()), hidden_size=16, **small)).eval(),
        "text_encoder_2": CLIPTextModel(CLIPTextConfig(vocab_size=len(clip), hidden_size=8, **small, **ends)).eval(),
        "image_encoder": SiglipVisionModel(
            SiglipVisionConfig(hidden_size=16, image_size=8, patch_size=4, **small)
        ).eval(),
    }


def _words():  # type: ignore[no-untyped-def]
    """One word, one token; before each prompt as many of them as the real tokenizer makes."""
    from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video_framepack import DEFAULT_PROMPT_TEMPLATE as whole
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    said = re.findall(_PIECE, str(whole["template"]))
    before = re.findall(_PIECE, str(whole["template"]).partition("{}")[0])
    names = dict.fromkeys(["<unk>", "<pad>", "<s>", *said, *WORDS])
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(names)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(_PIECE), "isolated"), pre_tokenizers.Split(Regex(r"\s+"), "removed")]
    )
    begin = " ".join(["<s>"] * (int(whole["crop_start"]) - len(before)))
    made.post_processor = processors.TemplateProcessing(single=f"{begin} $A", special_tokens=[("<s>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="<unk>", pad_token="<pad>", bos_token="<s>", padding_side="right"
    )


def apart(model: Path, folder: Path) -> tuple[Path, Path, Path]:
    """The same in three folders: the transformer and nothing else, what goes with it, what looks at pictures."""
    import shutil

    alone, base, eyes = (folder / name for name in ("transformer_only", "base", "eyes"))
    shutil.copytree(model / "transformer", alone)
    for part in ("vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2", "scheduler"):
        shutil.copytree(model / part, base / part)
    for part in ("image_encoder", "feature_extractor"):
        shutil.copytree(model / part, eyes / part)
    return alone, base, eyes
