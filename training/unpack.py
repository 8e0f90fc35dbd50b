"""The folder that the package carries -> weights that training goes on from: the way back from `export`.

    python3 -m training.unpack --model storyboard/engines/pocket_model --out weights

Writes vae/vae.safetensors, and transformer.safetensors, text.safetensors and words.json under dit/, for the options
--vae and --resume of the other commands. Imports torch, transformers and this folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast

from training.common import load_weights, save_weights
from training.dit import save
from training.models import Size, build_text, build_transformer, build_vae, size_named

MARKS = 3
"""Padding, end and unknown: what a tokenizer has before its words."""


def words_of(model: Path) -> list[str]:
    """A model's words in the order of their ids."""
    ids = PreTrainedTokenizerFast.from_pretrained(model / "tokenizer").get_vocab()
    return sorted((word for word, index in ids.items() if index >= MARKS), key=lambda word: ids[word])


def unpack(model: Path, out: Path, size: Size) -> None:
    """Write the weights of a pipeline's folder as the training commands write theirs."""
    vae = build_vae(size)
    load_weights(vae, model / "vae" / "diffusion_pytorch_model.safetensors")
    save_weights(vae, out / "vae" / "vae.safetensors", pack=True)
    transformer, words = build_transformer(size), words_of(model)
    load_weights(transformer, model / "transformer" / "diffusion_pytorch_model.safetensors")
    text = build_text(size, len(words) + MARKS)
    state = load_file(model / "text_encoder" / "model.safetensors")
    text.load_state_dict(state | {"encoder.embed_tokens.weight": state["shared.weight"]})  # one table, stored once
    save(transformer, text, words, out / "dit")


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", type=Path, required=True, help="a folder that `export` wrote")
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--size", default="pocket", choices=("pocket", "tiny"))
    asked = options.parse_args(arguments)
    unpack(asked.model, asked.out, size_named(asked.size))


if __name__ == "__main__":
    main()
