"""Single files of weights that authors bring: a LoRA with its weight, a checkpoint of a denoiser.

    file: loras/noir.safetensors          known by its content
    repo: org/name, revision: <commit>    known by its commit and its name

Plain data: looked at, not read. May import what stands above `engines` in the layout and engines.weights.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from storyboard.engines.weights import checked_commit, checked_model, file_identity
from storyboard.regular import path_named

GGUF: Final = ".gguf"
_SAFETENSORS: Final = ".safetensors"
Commit = Annotated[str, AfterValidator(checked_commit)]


class WeightFile(BaseModel):
    """One file of weights: a path, or a file of a hub model at a commit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    suffixes: ClassVar[tuple[str, ...]] = (_SAFETENSORS,)

    file: str | None = Field(default=None, description="Its path, absolute or from the current directory")
    repo: str | None = Field(default=None, description="`org/name` of the hub, with `revision` and `name`")
    revision: Commit | None = Field(default=None, description="The commit of the hub model, 40 hex digits")
    name: str | None = Field(default=None, description="The file's name in the hub model")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.repo is None):
            raise ValueError("needs either `file` or `repo`; name one of them")
        if self.repo is not None:
            checked_model(self.repo)
            absent = [field for field in ("revision", "name") if getattr(self, field) is None]
            if absent:
                raise ValueError(f"a file of the hub needs `{absent[0]}`; say which commit and which file")
        elif self.model_fields_set & {"revision", "name"}:
            raise ValueError("`revision` and `name` are for `repo`; leave them out")
        path = path_named(self.file or self.name or "")
        if path.suffix not in self.suffixes:
            raise ValueError(f"`{path.name}` is no {' or '.join(self.suffixes)} file; others can run code")
        if self.file is not None and not (path.is_file() and os.access(path, os.R_OK)):
            raise ValueError(f"there is no file `{self.file}` that can be read; check its path and its permissions")
        return self

    @cached_property
    def identity(self) -> str:
        """Which file this is, for the key: by content, or by commit. Raises OSError when it cannot be read."""
        if self.file is not None:
            return file_identity(Path(self.file).expanduser())
        return f"hub:{self.repo}@{self.revision}/{self.name}"

    def found(self) -> Path | None:
        """Where it is on this machine; None where it is not. Looks only: nothing is asked of the hub."""
        if self.file is not None:
            return Path(self.file).expanduser()
        from huggingface_hub import try_to_load_from_cache

        assert self.repo is not None and self.name is not None
        path = try_to_load_from_cache(self.repo, self.name, revision=self.revision)
        return Path(path) if isinstance(path, str) else None


class Lora(WeightFile):
    """A LoRA and how strongly it counts."""

    name: str | None = Field(
        default="pytorch_lora_weights.safetensors",
        description="The file's name in the hub model",
        validate_default=True,
    )
    weight: float = Field(default=1.0, ge=-8, le=8, allow_inf_nan=False, description="How strongly it counts")


class Checkpoint(WeightFile):
    """A single file with all weights of the denoiser, in its makers' layout or in diffusers'."""

    suffixes: ClassVar[tuple[str, ...]] = (_SAFETENSORS, GGUF)

    @property
    def is_gguf(self) -> bool:
        return Path(self.file or self.name or "").suffix == GGUF
