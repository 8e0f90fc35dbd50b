"""A story, a prompt a line -> a first screenplay, commented, that renders as it stands.

May import what stands above `opening` in the layout.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from storyboard.errors import CommandError

STORY: Final = (
    "A teddy bear is swimming in the ocean.",
    "The teddy bear goes under water.",
    "A panda bear is swimming under water.",
)

_HEAD: Final = """\
# A screenplay. `storyboard check` finds faults, `storyboard plan` says what would be shot,
# `storyboard render` makes the film. Change a scene and render again: only what depends on it is shot again.
title: {title}
# engine: animatic              # a quick preview instead of pictures; `storyboard engines` lists what there is
# format: {{width: 384, height: 216, rate: 24}}
seed: 1                         # another number, another film
# style: photorealistic         # added to every prompt
# cast:
#   hero: a teddy bear          # {{hero}} in a prompt stands for this
scenes:
"""


def screenplay_text(prompts: tuple[str, ...], title: str) -> str:
    """The text of a screenplay with one scene of three seconds for each prompt."""
    # A JSON string is a YAML string, whatever is in it; braces are doubled, or they would name a cast member.
    quoted = [json.dumps(prompt.replace("{", "{{").replace("}", "}}"), ensure_ascii=False) for prompt in prompts]
    parts = [_HEAD.format(title=json.dumps(title, ensure_ascii=False))]
    for number, prompt in enumerate(quoted, start=1):
        parts.append(f"  - id: scene-{number}\n    prompt: {prompt}\n    duration: 3s\n")
        if number == 2:
            parts.append("    # continues: previous       # the default; `nothing` makes a hard cut\n")
    return "".join(parts)


def read_story(path: Path) -> tuple[str, ...]:
    """The prompts of a story, one from each line that is not empty. Raises CommandError."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read the story `{path}`: {error}", "write a prompt a line, in UTF-8") from None
    prompts = tuple(" ".join(line.split()) for line in lines if line.strip())
    if not prompts:
        raise CommandError(f"the story `{path}` is empty", "write a prompt a line")
    return prompts


def write_screenplay(path: Path, story: Path | None) -> None:
    """A new screenplay at `path`. Raises CommandError where there is one already, or it cannot be written."""
    prompts = read_story(story) if story else STORY
    title = path.stem.replace("-", " ").replace("_", " ").capitalize()
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(screenplay_text(prompts, title))
    except FileExistsError:
        raise CommandError(f"`{path}` exists already", "name another file") from None
    except OSError as error:
        raise CommandError(f"cannot write `{path}`: {error.strerror or error}") from None
