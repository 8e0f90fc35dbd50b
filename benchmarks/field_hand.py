"""The same generations as an engine's, written by hand against diffusers: what one would do without storyboard.

    frames = BY_HAND["ltx"](pipeline, given)

Each is called with the pipeline where the engine has placed it, so that both do with one set of weights in one place.
It does what the pipeline's documentation shows: nothing is checked, nothing makes its arithmetic repeatable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Given:
    """One generation, as its author has it at hand."""

    prompt: tuple[Any, ...]
    """Embeddings on the device, read beforehand."""
    negative: tuple[Any, ...] | None
    """None where nothing is guided."""
    tail: NDArray[np.uint8] | None
    """[K, height, width, 3]: the last frames of the shot before."""
    frames: int
    size: tuple[int, int]
    rate: float
    steps: int
    timesteps: tuple[float, ...] | None
    guidance: float
    seed: int
    device: str
    step: Callable[[], None]
    """Called after each step."""

    @property
    def generator(self) -> torch.Generator:
        import torch

        return torch.Generator("cpu").manual_seed(self.seed)

    @property
    def said(self) -> dict[str, Any]:
        """What all pipelines are told."""
        width, height = self.size
        return {
            "prompt_embeds": self.prompt[0],
            "negative_prompt_embeds": None if self.negative is None else self.negative[0],
            "width": width,
            "height": height,
            "num_frames": self.frames,
            "num_inference_steps": self.steps,
            "guidance_scale": self.guidance,
            "output_type": "np",
        }

    @property
    def masks(self) -> dict[str, Any]:
        """What pipelines are told whose text encoders give masks as well."""
        negative = None if self.negative is None else self.negative[1]
        return {"prompt_attention_mask": self.prompt[1], "negative_prompt_attention_mask": negative}

    def after(self, pipeline: Any, step: int, timestep: Any, given: Any) -> dict[str, Any]:
        """As `callback_on_step_end`."""
        self.step()
        return {}


def as_uint8(frames: Any) -> NDArray[np.uint8]:
    """Frames in 0..1 -> frames in 0..255, as one writes it."""
    import numpy as np

    return np.stack([(frame * 255).round().astype(np.uint8) for frame in frames])


def pictures(frames: NDArray[np.uint8]) -> list[Any]:
    from PIL import Image

    return [Image.fromarray(frame) for frame in frames]


def ltx(pipeline: Any, given: Given) -> NDArray[np.uint8]:
    """The tail as a video at frame 0."""
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition

    tail = None if given.tail is None else [LTXVideoCondition(video=pictures(given.tail), frame_index=0)]
    result = pipeline(
        **given.said,
        **given.masks,
        conditions=tail,
        frame_rate=given.rate,
        timesteps=list(given.timesteps) if given.timesteps else None,
        decode_timestep=0.05,
        decode_noise_scale=0.025,
        generator=given.generator,
        callback_on_step_end=given.after,
    )
    return as_uint8(result.frames[0])


def wan(pipeline: Any, given: Given) -> NDArray[np.uint8]:
    """The tail as the beginning of a film, and a mask of what to make."""
    from PIL import Image

    film: dict[str, Any] = {}
    if given.tail is not None:
        kept, made = len(given.tail), given.frames - len(given.tail)
        grey, black, white = (
            Image.new(mode, given.size, colour) for mode, colour in (("RGB", (128,) * 3), ("L", 0), ("L", 255))
        )
        film = {"video": pictures(given.tail) + [grey] * made, "mask": [black] * kept + [white] * made}
    result = pipeline(**given.said, **film, generator=given.generator, callback_on_step_end=given.after)
    return as_uint8(result.frames[0])


def easyanimate(pipeline: Any, given: Given) -> NDArray[np.uint8]:
    """The tail as the beginning of a film, with the little noise that the model was trained with, and a mask."""
    import torch

    film: dict[str, Any] = {}
    generator = given.generator
    if given.tail is not None:
        width, height = given.size
        video = torch.zeros(1, 3, given.frames, height, width)
        mask = torch.full((1, 1, given.frames, height, width), 255.0)
        video[0, :, : len(given.tail)] = torch.from_numpy(given.tail.copy()).permute(3, 0, 1, 2) / 255
        mask[:, :, : len(given.tail)] = 0
        masked = torch.where(mask > 0, -1.0, video * 2 - 1)
        noise = torch.randn(masked.shape, generator=generator) * 0.0563
        masked = torch.where(masked == -1, masked, masked + noise)
        film = {"video": video, "mask_video": mask, "masked_video_latents": masked}
        film = {name: each.to(given.device) for name, each in film.items()}
    result = pipeline(**given.said, **given.masks, **film, generator=generator, callback_on_step_end=given.after)
    return as_uint8(result.frames[0])


def modelscope(pipeline: Any, given: Given) -> NDArray[np.uint8]:
    """The tail's latents, put back after each step with the noise that the loop began with."""
    import torch

    scheduler, vae = pipeline.scheduler, pipeline.vae
    width, height = given.size
    shape = (1, pipeline.unet.config.in_channels, given.frames, height // 8, width // 8)
    # Drawn frame by frame, as the loop has them.
    noise = torch.randn((shape[2], shape[1], *shape[3:]), generator=given.generator)
    noise = noise.to(given.device, pipeline.unet.dtype).transpose(0, 1)[None]
    latents, known, kept = noise, None, 0 if given.tail is None else len(given.tail)
    scheduler.set_timesteps(given.steps)
    if given.tail is not None:
        frames = torch.from_numpy(given.tail.copy()).permute(0, 3, 1, 2).to(given.device)
        frames = (frames.float() / 127.5 - 1).to(vae.dtype)
        with torch.no_grad():
            encoded = torch.cat([vae.encode(frame[None]).latent_dist.mode() for frame in frames])
        known = (encoded * vae.config.scaling_factor).transpose(0, 1)[None].to(noise)
        latents = noise.clone()
        latents[:, :, :kept] = scheduler.add_noise(known, noise[:, :, :kept], scheduler.timesteps[:1])

    def put_back(step: int, timestep: Any, latents: torch.Tensor) -> None:
        if known is not None:
            last = step + 1 >= len(scheduler.timesteps)
            now = scheduler.timesteps[step + 1 : step + 2]
            latents[:, :, :kept] = known if last else scheduler.add_noise(known, noise[:, :, :kept], now)
        given.step()

    result = pipeline(**given.said, latents=latents, callback=put_back)
    return as_uint8(result.frames[0])


def cogvideox(pipeline: Any, given: Given) -> NDArray[np.uint8]:
    """The tail's latents, put back after each step with the noise that the loop began with."""
    import torch

    scheduler, vae = pipeline.scheduler, pipeline.vae
    width, height = given.size
    shape = (1, (given.frames - 1) // 4 + 1, pipeline.transformer.config.out_channels, height // 8, width // 8)
    noise = torch.randn(shape, generator=given.generator).to(given.device)
    latents, known, kept = noise.to(given.prompt[0]), None, 0
    scheduler.set_timesteps(given.steps)
    if given.tail is not None:
        video = torch.from_numpy(given.tail.copy()).permute(3, 0, 1, 2)[None].to(given.device)
        with torch.no_grad():
            known = vae.encode((video.float() / 127.5 - 1).to(vae.dtype)).latent_dist.mode()
        known = (known * vae.config.scaling_factor).transpose(1, 2).to(noise)
        kept = known.shape[1]
        begun = noise.clone()
        begun[:, :kept] = scheduler.add_noise(known, noise[:, :kept], scheduler.timesteps[:1])
        latents = begun.to(given.prompt[0])

    def put_back(pipe: Any, step: int, timestep: Any, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        given.step()
        if known is None:
            return {}
        last = step + 1 >= len(scheduler.timesteps)
        now = scheduler.timesteps[step + 1 : step + 2]
        state["latents"][:, :kept] = known if last else scheduler.add_noise(known, noise[:, :kept], now)
        return {"latents": state["latents"]}

    result = pipeline(
        **given.said,
        latents=latents,
        generator=given.generator,
        max_sequence_length=pipeline.transformer.config.max_text_seq_length,
        callback_on_step_end=put_back,
    )
    return as_uint8(result.frames[0])


BY_HAND: Final[dict[str, Callable[[Any, Given], Any]]] = {
    "ltx": ltx,
    "wan": wan,
    "easyanimate": easyanimate,
    "modelscope": modelscope,
    "cogvideox": cogvideox,
}
"""By engine."""
