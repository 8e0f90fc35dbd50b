"""Trained weights -> the folder that the package carries: an ordinary LTXConditionPipeline, and its card.

    python3 -m training.export --vae weights/vae/vae.safetensors --model weights/few \\
        --figures weights/figures/figures.json --logs weights/*/*.jsonl --out storyboard/engines/pocket_model

Beside the pipeline's own files it writes vocabulary.json (all words, and the names that the world has), sampling.json
(how to sample) and README.md (the model card). Raises ValueError if the folder comes out larger than 24 MB.
Imports torch, diffusers and this folder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from diffusers import LTXConditionPipeline
from transformers import T5EncoderModel

from training import world
from training.card import card
from training.common import load_weights, packed
from training.dit import load, load_words
from training.flow import shifted
from training.models import (
    FRAMES,
    RATE,
    SIDE,
    TAILS,
    build_scheduler,
    build_text,
    build_tokenizer,
    build_transformer,
    build_vae,
    size_named,
)

MOST_BYTES = 24_000_000
TOKENIZER = "PreTrainedTokenizerFast"
"""The name that every release of transformers knows this tokenizer's class by."""


def assemble_pipeline(vae: Path, model: Path, size: str) -> LTXConditionPipeline:
    """The trained parts: matrices in float8_e4m3, which any loader widens, the rest in bfloat16."""
    sized, words = size_named(size), load_words(model)
    tokenizer = build_tokenizer(words)
    parts = build_vae(sized), build_transformer(sized), build_text(sized, len(tokenizer))
    load_weights(parts[0], vae)
    load(parts[1], parts[2], model)
    for part in parts:
        pack = not isinstance(part, T5EncoderModel)  # transformers would have to be told what the numbers are
        for name, tensor in (*part.named_parameters(), *part.named_buffers()):
            small = pack and packed(name, tensor)
            tensor.data = tensor.data.to(torch.float8_e4m3fn if small else torch.bfloat16)
    scheduler = build_scheduler()
    return LTXConditionPipeline(
        scheduler=scheduler, vae=parts[0], text_encoder=parts[2], tokenizer=tokenizer, transformer=parts[1]
    )


def vocabulary(words: Sequence[str]) -> dict[str, list[str]]:
    """What the model has seen: every word, and the names of what the world has."""
    return {
        "words": [word for word in words if word[0].isalpha()],
        "subjects": list(world.subjects()),
        "places": list(world.places()),
        "actions": list(world.actions()),
        "weathers": list(world.weathers()),
        "times": list(world.times()),
        "styles": list(world.styles()),
        "cameras": list(world.cameras()),
    }


def sampling(model: Path) -> dict[str, object]:
    """Arguments of the pipeline's call that the model was made for."""
    recipe = model / "sampling.json"
    few = json.loads(recipe.read_text())["levels"] if recipe.exists() else None
    return {
        "width": SIDE,
        "height": SIDE,
        "num_frames": FRAMES,
        "frame_rate": RATE,
        "timesteps": [round(1000 * level, 3) for level in few or shifted(20, 2.0)],
        "guidance_scale": 1.0 if few else 3.0,
        "max_sequence_length": 40,
        "condition_frames": list(TAILS),
    }


def export(o: argparse.Namespace) -> int:
    """Write the folder; returns its size in bytes."""
    o.out.mkdir(parents=True, exist_ok=True)
    assemble_pipeline(o.vae, o.model, o.size).save_pretrained(o.out, safe_serialization=True)
    settle_configs(o.out)
    recipe = sampling(o.model)
    write(o.out / "vocabulary.json", vocabulary(load_words(o.model)))
    write(o.out / "sampling.json", recipe)
    figures = json.loads(o.figures.read_text()) if o.figures else {}
    logs = {path.stem: last_row(path) for path in o.logs}
    parameters = check(o.out)
    (o.out / "README.md").write_text(card(figures, logs, parameters, recipe))
    total = sum(path.stat().st_size for path in o.out.rglob("*") if path.is_file())
    print(f"[export] {parameters} parameters, {total} bytes in {o.out}", flush=True)
    if total > MOST_BYTES:
        raise ValueError(f"the folder has {total} bytes, more than {MOST_BYTES}")
    return total


def settle_configs(folder: Path) -> None:
    """Make the folder load alike everywhere.

    The tokenizer's class gets the name that older releases of transformers know too, and the text encoder says
    float32, as diffusers loads its own parts so unless told otherwise and the two must agree.
    """
    index, encoder = folder / "model_index.json", folder / "text_encoder/config.json"
    tokenizer = folder / "tokenizer/tokenizer_config.json"
    write(index, json.loads(index.read_text()) | {"tokenizer": ["transformers", TOKENIZER]})
    write(tokenizer, json.loads(tokenizer.read_text()) | {"tokenizer_class": TOKENIZER})
    write(encoder, json.loads(encoder.read_text()) | {"dtype": "float32"})


def write(path: Path, data: Mapping[str, object]) -> None:
    """As JSON with short lists on one line, so that the word list stays small."""
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in data.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def last_row(path: Path) -> dict[str, object]:
    """The last line of a log."""
    return json.loads(path.read_text().splitlines()[-1])


def check(folder: Path) -> int:
    """Load the folder as anyone would and take one step; returns the number of parameters.

    Raises ValueError where capitals are another word, or frames are not numbers.
    """
    pipeline = LTXConditionPipeline.from_pretrained(folder)
    ids = pipeline.tokenizer(["A Teddy Bear.", "a teddy bear ."]).input_ids
    if ids[0] != ids[1] or 2 in ids[0]:
        raise ValueError("the tokenizer was not kept as it was made")
    pipeline.set_progress_bar_config(disable=True)
    frames = pipeline(
        prompt="A teddy bear.", width=64, height=64, num_frames=5, frame_rate=RATE, timesteps=[1000], guidance_scale=1,
        output_type="pt", max_sequence_length=40, generator=torch.Generator().manual_seed(0),
    ).frames  # fmt: skip
    if not torch.isfinite(frames).all():
        raise ValueError("the pipeline makes frames that are not numbers")
    parts = pipeline.vae, pipeline.transformer, pipeline.text_encoder
    return sum(parameter.numel() for part in parts for parameter in part.parameters())


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--vae", type=Path, required=True, help="vae.safetensors of training.vae")
    options.add_argument("--model", type=Path, required=True, help="folder of training.distill or training.dit")
    options.add_argument("--figures", type=Path, help="figures.json of training.evaluate, for the card")
    options.add_argument("--logs", type=Path, nargs="*", default=[], help="logs of the training commands, for the card")
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--size", default="pocket", choices=("pocket", "tiny"))
    return export(options.parse_args(arguments))


if __name__ == "__main__":
    main()
