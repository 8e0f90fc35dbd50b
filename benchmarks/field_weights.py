"""A model of the field -> a folder in the diffusers layout without contents, and random numbers where its weights go.

    folder = write_model(LTX, folder, "published")      # configuration, tokenizer, and files of weights that are holes
    with random_weights(device):
        engine = spec.open(options)                     # the engine loads it as any other; then all of it is drawn

The files of weights have the right size and take no room: nothing was ever written into them. Each part is loaded once
and kept, however often an engine is opened, so that one folder serves all ways of placing it.
"""

from __future__ import annotations

import importlib
import json
import math
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.field_models import Model, Part, config_of

if TYPE_CHECKING:
    import torch

_BYTES: Final = {"BF16": 2, "F16": 2, "F32": 4}
_LETTERS: Final = string.ascii_letters + ".,'"
_CHAT: Final = "{% for message in messages %}<|im_start|>{{ message.content[0].text }}<|im_end|>{% endfor %}"


def write_model(model: Model, folder: Path, size: str) -> dict[str, int]:
    """The folder of a model at the size `published` or `tiny`, and how many parameters each of its parts has.

    Raises SystemExit where the count is not what the published model is known to have.
    """
    counts: dict[str, int] = {}
    for name, part in model.parts.items():
        empty = on_meta(part, size)
        counts[name] = sum(each.numel() for each in empty.parameters())
        low, high = model.billions[name]
        if size == "published" and not low <= counts[name] / 1e9 <= high:
            raise SystemExit(f"`{model.engine}`: `{name}` has {counts[name] / 1e9:.2f} billion parameters")
        empty.save_config(folder / name) if hasattr(empty, "save_config") else _save_config(empty, folder / name)
        weights = "diffusion_pytorch_model" if part.kind.startswith("diffusers") else "model"
        write_holes(folder / name / f"{weights}.safetensors", empty, part.dtype)
        words = part.tiny if size == "tiny" else part.config
        if name == "text_encoder":
            words = words.get("text_config", words)
            TOKENIZERS[model.tokenizer](words["vocab_size"]).save_pretrained(folder / "tokenizer")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(model.scheduler))
    (folder / "model_index.json").write_text(json.dumps({"_class_name": model.pipeline}))
    return counts


def on_meta(part: Part, size: str) -> Any:
    """A part with all its layers and nothing in them."""
    import torch

    library, name = part.kind.split(".")
    kind, config = getattr(importlib.import_module(library), name), config_of(part, size)
    with torch.device("meta"):
        return kind(**config) if library == "diffusers" else kind(kind.config_class(**config))


def _save_config(empty: Any, folder: Path) -> None:
    empty.config.architectures = [type(empty).__name__]
    empty.config.save_pretrained(folder)


def write_holes(path: Path, empty: torch.nn.Module, dtype: str) -> None:
    """A .safetensors file with a place for each of the tensors, which reads as zeros and takes no room on the disk."""
    places: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end, seen = 0, set()
    for name, tensor in empty.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:  # of tied ones the first
            seen.add(id(tensor))
            begin, end = end, end + tensor.numel() * _BYTES[dtype]
            places[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [begin, end]}
    header = json.dumps(places).encode()
    header += b" " * (-len(header) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + end)


# Random weights


@contextmanager
def random_weights(device: str) -> Iterator[dict[str, Any]]:
    """While inside, each part that an engine loads is filled with random numbers, drawn on `device`, and kept.

    Loading it again gives the same part, wherever it stands by then. Yields what is kept.
    """
    from storyboard.engines.loading import Loader
    from storyboard.engines.memory import free_memory

    plain, kept = Loader.read, {}

    def read(self: Loader, load: Callable[..., Any], part: str, **more: Any) -> Any:
        import torch

        known = f"{self.weights.model}/{part}"
        if known not in kept or "dtype" not in more:
            loaded = plain(self, load, part, **more)
            if not isinstance(loaded, torch.nn.Module):
                return loaded
            draw(loaded, device)
            kept[known] = loaded
        return kept[known]

    Loader.read = read  # type: ignore[method-assign]
    try:
        yield kept
    finally:
        Loader.read = plain  # type: ignore[method-assign]
        kept.clear()
        free_memory()


def draw(module: torch.nn.Module, device: str) -> None:
    """Random weights that keep the size of what goes through them; norms as they are when new. They stay on the CPU."""
    import torch

    generator = torch.Generator(device).manual_seed(0)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim > 1:
                spread = 1 / math.sqrt(math.prod(parameter.shape[1:]))
                new = torch.empty(parameter.shape, dtype=parameter.dtype, device=device)
                new = new.normal_(0, spread, generator=generator).to("cpu")
            else:
                new = torch.full_like(parameter, 1.0 if name.endswith("weight") else 0.0)
            parameter.data = new
        for name, buffer in module.named_buffers():
            if name.endswith("latents_std"):  # a hole as well, and nothing is divided by zero
                buffer.fill_(1.0)


# Tokenizers: one letter, one token, and as many words that nobody says as the published ones have


def _filled(pieces: list[str], words: int) -> list[str]:
    return pieces + [f"<{number}>" for number in range(words - len(pieces))]


def _t5(words: int) -> Any:
    from transformers import T5Tokenizer

    pieces = _filled(["<pad>", "</s>", "<unk>", "\u2581", *_LETTERS], words)
    scored = [(piece, -10.0 if piece.startswith("<") else -3.0) for piece in pieces]
    return T5Tokenizer(vocab=scored, extra_ids=0, model_max_length=512)


def _clip(words: int) -> Any:
    from transformers import CLIPTokenizer

    signs = ["<|startoftext|>", "<|endoftext|>"]
    pieces = _filled([*_LETTERS[:40], *(f"{letter}</w>" for letter in _LETTERS[:40])], words - 2) + signs
    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def _qwen2(words: int) -> Any:
    from transformers import Qwen2Tokenizer

    signs = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    pieces = [*signs, *_filled([*_LETTERS[:55], "\u0120"], words - 3)]
    tokenizer = Qwen2Tokenizer(
        vocab={piece: place for place, piece in enumerate(pieces)},
        merges=[],
        unk_token=signs[0],
        eos_token=signs[2],
        additional_special_tokens=signs[1:],
    )
    tokenizer.chat_template = _CHAT
    return tokenizer


TOKENIZERS: Final[Mapping[str, Callable[[int], Any]]] = {"t5": _t5, "clip": _clip, "qwen2": _qwen2}
"""By name: a tokenizer of so many words."""
