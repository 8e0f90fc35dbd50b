"""LoRAs of a scene -> a pipeline in which these count, in their order and with their weights, and no others.

    wardrobe = Wardrobe("wan")
    wardrobe.wear(pipeline, options.loras, download=options.download)      # before each shot

Each file is loaded once and kept; one that is not asked for is switched off, which leaves the model's own arithmetic as
it is. Only LoRAs of the denoiser are known: a text is read once for all. Needs the package peft, which is optional.
torch and diffusers are imported when something is loaded. May import what stands above `engines` in the layout,
engines.files, engines.loading and engines.translation.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Protocol

from storyboard.engines.files import Lora
from storyboard.engines.loading import find_file
from storyboard.engines.translation import quiet_loading, require_package
from storyboard.errors import EngineUnavailable


class LoraPipeline(Protocol):
    """What diffusers pipelines that take LoRAs have in common."""

    def load_lora_weights(self, folder: str, *, weight_name: str, adapter_name: str) -> None: ...
    def set_adapters(self, adapter_names: list[str], adapter_weights: list[float]) -> None: ...
    def enable_lora(self) -> None: ...
    def disable_lora(self) -> None: ...
    def get_list_adapters(self) -> dict[str, list[str]]: ...


class Wardrobe:
    """Which LoRAs a pipeline has, and which of them it wears."""

    def __init__(self, name: str) -> None:
        """`name` is the engine's, for messages."""
        self.name = name
        self.known: dict[str, str] = {}
        """Adapter names by the identity of their files."""
        self.worn: tuple[tuple[str, float], ...] | None = ()

    def wear(self, pipeline: LoraPipeline, loras: Sequence[Lora], *, download: bool = False) -> None:
        """Let exactly these count. Raises EngineUnavailable where one is not there or is not for this model."""
        wanted = tuple((self._adapter(pipeline, lora, download), lora.weight) for lora in loras)
        if wanted == self.worn:
            return
        if wanted:
            pipeline.enable_lora()
            pipeline.set_adapters([name for name, _ in wanted], [weight for _, weight in wanted])
        elif self.known:
            pipeline.disable_lora()
        self.worn = wanted

    def _adapter(self, pipeline: LoraPipeline, lora: Lora, download: bool) -> str:
        if lora.identity not in self.known:
            require_package("peft", self.name, "a LoRA")
            path = find_file(self.name, lora, download=download)
            adapter = f"lora{len(self.known)}"
            self.worn = None  # loading one lets it count, alone or besides others
            with quiet_loading(), warnings.catch_warnings():
                warnings.filterwarnings("ignore", module="peft")  # that there is more than one: there shall be
                pipeline.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name=adapter)
            if not any(adapter in names for names in pipeline.get_list_adapters().values()):
                message = f"`{self.name}`: the LoRA `{path.name}` has nothing for this model"
                raise EngineUnavailable(message, "name one that was made for it")
            self.known[lora.identity] = adapter
        return self.known[lora.identity]
