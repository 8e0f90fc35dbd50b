"""A folder of a published model -> its transformer and its autoencoder, with every weight in its place.

Only safetensors and JSON are read. Weights that are missing, or of another shape than the configuration says, are an
error that names them; weights that nothing here has a place for are told, and left out. Imports torch and diffusers;
imported when an engine is opened. May import engines.loading, engines.translation, engines.pyramid.flux,
engines.pyramid.layout, engines.pyramid.mmdit and engines.pyramid.vae.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError
from safetensors.torch import load_file

from storyboard.durable import json_object
from storyboard.engines.loading import Loader
from storyboard.engines.pyramid.flux import PyramidFluxTransformer
from storyboard.engines.pyramid.layout import CONVERT, VAE, Layout
from storyboard.engines.pyramid.mmdit import PyramidDiffusionMMDiT
from storyboard.engines.pyramid.vae import CausalVideoVae, VaeConfig
from storyboard.engines.translation import unheard
from storyboard.errors import EngineUnavailable

WEIGHTS: Final = "diffusion_pytorch_model.safetensors"
_OLD: Final = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""What attention's weights were called in files of older diffusers."""
_NO_NEWS: Final = ("diffusers.configuration_utils", "The config attributes")  # of training, and what is always so here
_LOG: Final = logging.getLogger("storyboard")


def load_transformer(loader: Loader, layout: Layout) -> Any:
    """The transformer of one resolution, quantized as asked. Raises EngineUnavailable where its weights do not fit."""
    kind = PyramidFluxTransformer if layout.variant == "flux" else PyramidDiffusionMMDiT
    part = layout.transformer.name
    with torch.device("meta"), unheard(*_NO_NEWS):
        transformer = kind.from_config(dict(_config(loader, part)))
    _fill(loader, part, transformer, _weights(loader, part))
    loader.quantize(transformer)
    return transformer


def load_vae(loader: Loader) -> CausalVideoVae:
    """The autoencoder. Raises EngineUnavailable where its weights do not fit."""
    with torch.device("meta"):
        vae = CausalVideoVae(VaeConfig.read(_config(loader, VAE.name)))
    weights = {_renamed(name): weight for name, weight in _weights(loader, VAE.name).items()}
    _fill(loader, VAE.name, vae, weights)
    return vae


def _config(loader: Loader, part: str) -> Mapping[str, object]:
    return json_object(_file(loader, part, "config.json").read_bytes())


def _weights(loader: Loader, part: str) -> dict[str, torch.Tensor]:
    return load_file(_file(loader, part, WEIGHTS))


def _file(loader: Loader, part: str, name: str) -> Path:
    weights = loader.weights
    if weights.folder is not None:
        return weights.folder / part / name
    try:
        found = hf_hub_download(
            weights.model, f"{part}/{name}", revision=weights.revision, local_files_only=not weights.download
        )
    except EntryNotFoundError as error:
        message = f"`{loader.name}`: `{part}/{name}` of `{weights.model}` is not on this machine, or not published"
        fetch = f"hf download {weights.model} --revision {weights.revision} --local-dir FOLDER"
        hint = f"run `{fetch}`, for `.bin` files `python -m {CONVERT} FOLDER`, and set `model: FOLDER`"
        raise EngineUnavailable(message, hint) from error
    return Path(found)


def _renamed(name: str) -> str:
    *path, last, ending = name.split(".")
    return ".".join([*path, _OLD.get(last, last), ending]) if "attentions" in path else name


def _fill(loader: Loader, part: str, module: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Give a module on the meta device its weights, in the numbers that the options say."""
    wanted = module.state_dict()
    differences = list(_differences(wanted, weights))
    unknown = sorted(weights.keys() - wanted.keys())
    if differences:
        told = "; ".join([*differences, *([f"not known: {_some(unknown)}"] if unknown else [])])
        message = f"`{loader.name}`: the weights of `{part}` do not fit its configuration: {told}"
        raise EngineUnavailable(message, "copy or download the model again, or name another")
    if unknown:
        _LOG.warning("`%s`: weights of `%s` are not known, and left out: %s", loader.name, part, _some(unknown))
    known = {name: weights[name].to(loader.dtype) for name in wanted}
    module.load_state_dict(known, assign=True)
    module.eval().requires_grad_(False)


def _differences(wanted: Mapping[str, torch.Tensor], weights: Mapping[str, torch.Tensor]) -> Iterator[str]:
    missing = sorted(wanted.keys() - weights.keys())
    if missing:
        yield f"missing: {_some(missing)}"
    other = [name for name in sorted(wanted.keys() & weights.keys()) if wanted[name].shape != weights[name].shape]
    if other:
        shapes = f"{list(weights[other[0]].shape)} instead of {list(wanted[other[0]].shape)}"
        yield f"of another shape: {_some(other)} ({shapes})"


def _some(names: Sequence[str]) -> str:
    return f"`{names[0]}`" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
