"""The parts of a loaded model, as diffusers' tools for memory take them.

Imports torch and diffusers; imported when an engine is opened.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline


class PyramidPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Parts, and in which order they are used."""

    model_cpu_offload_seq = "text_encoder->text_encoder_2->text_encoder_3->transformer->vae"

    def __init__(
        self,
        vae: Any,
        transformer: Any,
        text_encoder: Any,
        tokenizer: Any,
        text_encoder_2: Any,
        tokenizer_2: Any,
        text_encoder_3: Any = None,
        tokenizer_3: Any = None,
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae,
            transformer=transformer,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            text_encoder_2=text_encoder_2,
            tokenizer_2=tokenizer_2,
            text_encoder_3=text_encoder_3,
            tokenizer_3=tokenizer_3,
        )

    @property
    def device(self) -> torch.device:
        """Of the transformer: not every part tells."""
        device: torch.device = self.transformer.device
        return device

    @property
    def readers(self) -> list[tuple[Any, Any]]:
        """Tokenizers and text encoders, T5 last."""
        pairs = [(getattr(self, f"tokenizer{n}"), getattr(self, f"text_encoder{n}")) for n in ("", "_2", "_3")]
        return [(tokenizer, encoder) for tokenizer, encoder in pairs if encoder is not None]
