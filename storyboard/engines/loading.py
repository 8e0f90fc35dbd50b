"""Weights that an author named -> parts of a pipeline, loaded on the CPU.

    loader = Loader("wan", options.weights, options)
    vae = loader.model(AutoencoderKLWan, "vae")
    transformer = loader.denoiser(WanTransformer3DModel)       # or from the author's checkpoint, quantized as asked
    text_encoder = loader.model(UMT5EncoderModel, "text_encoder")
    tokenizer = loader.tokenizer(T5Tokenizer, text_encoder.config.vocab_size)
    scheduler = loader.scheduler(options.scheduler)

Only safetensors, GGUF and JSON are read, and only into the classes that the engine names: none of it can run code.
torch and diffusers are imported when something is loaded. May import what stands above `engines` in the layout,
engines.files, engines.options, engines.translation and engines.weights.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from storyboard.engines.files import Checkpoint, WeightFile
from storyboard.engines.options import Brought, ModelOptions, OpenOptions
from storyboard.engines.translation import quiet_loading, require_package, unheard
from storyboard.engines.weights import Part, Weights, absent
from storyboard.errors import EngineUnavailable

if TYPE_CHECKING:
    import torch

_NO_NEWS: Final = ("diffusers.models.modeling_utils", "There are modules in ")  # even where there are none


class Loader:
    """Loads the parts of one model."""

    def __init__(self, name: str, weights: Weights, parts: tuple[Part, ...], options: ModelOptions) -> None:
        """`name` is the engine's, for messages. Raises EngineUnavailable where the weights are not on this machine."""
        import torch

        self.name, self.weights, self.options = name, weights, options
        self.dtype: torch.dtype = getattr(torch, options.dtype)
        gone = None if weights.download else absent(weights, parts)
        if gone is not None:
            raise EngineUnavailable(f"`{name}`: {gone[0]}", gone[1])

    def read(self, load: Callable[..., Any], part: str, **more: object) -> Any:
        """A part by any function that takes a model, `subfolder`, `revision` and `local_files_only`."""
        revision, here = self.weights.revision or "main", not self.weights.download
        with quiet_loading():
            return load(self.weights.model, subfolder=part, revision=revision, local_files_only=here, **more)

    def model(self, kind: Any, part: str) -> Any:
        """A part with weights, of a class of diffusers or transformers, in the numbers that the options say."""
        return self.read(kind.from_pretrained, part, use_safetensors=True, dtype=self.dtype)

    def denoiser(self, kind: Any, part: str = "transformer") -> Any:
        """The part that denoises: from the author's checkpoint where there is one, and quantized as asked."""
        checkpoint = self.options.checkpoint if isinstance(self.options, Brought) else None
        loaded = self.model(kind, part) if checkpoint is None else self._single(kind, part, checkpoint)
        self.quantize(loaded)
        return loaded

    def quantize(self, denoiser: Any) -> None:
        """Keep the weights of a model of diffusers as the options say."""
        import torch

        if isinstance(self.options, OpenOptions) and self.options.quantize == "fp8":
            denoiser.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=self.dtype)

    def _single(self, kind: Any, part: str, file: Checkpoint) -> Any:
        more: dict[str, object] = {}
        if file.is_gguf:
            require_package("gguf", self.name, "a .gguf checkpoint")
            from diffusers import GGUFQuantizationConfig

            more["quantization_config"] = GGUFQuantizationConfig(compute_dtype=self.dtype)
        with quiet_loading(), unheard(*_NO_NEWS):
            loaded = kind.from_single_file(
                str(find_file(self.name, file, download=self.weights.download)),
                config=self.weights.model,
                subfolder=part,
                config_revision=self.weights.revision,
                local_files_only=not self.weights.download,
                dtype=self.dtype,
                **more,
            )
        empty = [name for name, each in loaded.named_parameters() if each.is_meta]
        if empty:  # it has been made with nothing in them, without a word about it
            message = f"`{self.name}`: the checkpoint has not all weights of the model, such as `{empty[0]}`"
            raise EngineUnavailable(message, "name a checkpoint of the same architecture as `model`")
        return loaded

    def tokenizer(self, kind: Any, rows: int, part: str = "tokenizer") -> Any:
        """A tokenizer for a text encoder that has embeddings of `rows` words."""
        from transformers import PreTrainedTokenizerFast
        from transformers.models.auto.tokenization_auto import get_tokenizer_config

        plain = self.read(get_tokenizer_config, part).get("tokenizer_class") == "PreTrainedTokenizerFast"
        tokenizer = self.read((PreTrainedTokenizerFast if plain else kind).from_pretrained, part)
        words = len(tokenizer)
        if not rows // 2 < words <= rows:  # one whose files cannot be read is made up, without a word about it
            message = f"`{self.name}`: the tokenizer has {words} words, and the text encoder {rows}"
            raise EngineUnavailable(message, "copy or download the model again")
        return tokenizer

    def scheduler(self, name: str, **changes: object) -> Any:
        """A scheduler of diffusers by its name without the ending: `DDIM`, as the model's own is set up."""
        import diffusers

        kind = getattr(diffusers, f"{name}Scheduler")
        return kind.from_config(self.read(kind.load_config, "scheduler"), **changes)


def find_file(name: str, file: WeightFile, *, download: bool) -> Path:
    """Where a single file is on this machine, fetched if it may be. Raises EngineUnavailable where it is not."""
    if (found := file.found()) is not None:
        return found
    assert file.repo is not None and file.name is not None
    if not download:
        command = f"hf download {file.repo} {file.name} --revision {file.revision}"
        hint = f"set `download: true` and say `--allow-model {file.repo}` to fetch it, or run `{command}`"
        raise EngineUnavailable(f"`{name}`: `{file.name}` of `{file.repo}` is not on this machine", hint)
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(file.repo, file.name, revision=file.revision))
