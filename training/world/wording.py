"""The words of captions: verbs in their forms, and the small words that join them. Plain data, all of it in `words`.

Imports the other tables. Verbs are (base, third person, -ing form); `{o}` is the other one, `{p}` whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from training.world import cast, places

Verb = tuple[str, str, str]

VERBS: dict[str, tuple[Verb, ...]] = {
    "stands": (
        ("stand", "stands", "standing"),
        ("wait", "waits", "waiting"),
        ("stand still", "stands still", "standing still"),
    ),
    "walks": (
        ("walk", "walks", "walking"),
        ("walk", "walks", "walking"),
        ("stroll", "strolls", "strolling"),
        ("go for a walk", "goes for a walk", "going for a walk"),
        ("walk along", "walks along", "walking along"),
    ),
    "runs": (("run", "runs", "running"), ("run fast", "runs fast", "running fast"), ("race", "races", "racing")),
    "hops": (
        ("hop", "hops", "hopping"),
        ("hop along", "hops along", "hopping along"),
        ("bounce along", "bounces along", "bouncing along"),
    ),
    "swims": (
        ("swim", "swims", "swimming"),
        ("swim", "swims", "swimming"),
        ("swim along", "swims along", "swimming along"),
    ),
    "dances": (
        ("dance", "dances", "dancing"),
        ("dance", "dances", "dancing"),
        ("dance happily", "dances happily", "dancing happily"),
    ),
    "jumps": (
        ("jump", "jumps", "jumping"),
        ("jump up and down", "jumps up and down", "jumping up and down"),
        ("leap", "leaps", "leaping"),
        ("jump high", "jumps high", "jumping high"),
    ),
    "spins": (
        ("spin", "spins", "spinning"),
        ("spin around", "spins around", "spinning around"),
        ("turn round and round", "turns round and round", "turning round and round"),
        ("rotate", "rotates", "rotating"),
        ("do somersaults", "does somersaults", "doing somersaults"),
    ),
    "falls": (
        ("fall from the sky", "falls from the sky", "falling from the sky"),
        ("fall down", "falls down", "falling down"),
        ("drop from above", "drops from above", "dropping from above"),
    ),
    "falls over": (
        ("fall over", "falls over", "falling over"),
        ("tip over", "tips over", "tipping over"),
        ("topple over", "topples over", "toppling over"),
    ),
    "flies": (
        ("fly", "flies", "flying"),
        ("fly", "flies", "flying"),
        ("float", "floats", "floating"),
        ("hover", "hovers", "hovering"),
    ),
    "flies away": (
        ("fly away", "flies away", "flying away"),
        ("take off", "takes off", "taking off"),
        ("fly off", "flies off", "flying off"),
    ),
    "follows": (
        ("follow {o}", "follows {o}", "following {o}"),
        ("walk behind {o}", "walks behind {o}", "walking behind {o}"),
    ),
    "chases": (("chase {o}", "chases {o}", "chasing {o}"), ("run after {o}", "runs after {o}", "running after {o}")),
    "grows": (
        ("grow", "grows", "growing"),
        ("grow bigger", "grows bigger", "growing bigger"),
        ("become huge", "becomes huge", "becoming huge"),
        ("grow larger and larger", "grows larger and larger", "growing larger and larger"),
        ("get bigger", "gets bigger", "getting bigger"),
    ),
    "shrinks": (
        ("shrink", "shrinks", "shrinking"),
        ("get smaller", "gets smaller", "getting smaller"),
        ("become tiny", "becomes tiny", "becoming tiny"),
    ),
    "enters": (
        ("enter", "enters", "entering"),
        ("come in", "comes in", "coming in"),
        ("come into the picture", "comes into the picture", "coming into the picture"),
        ("appear", "appears", "appearing"),
        ("arrive", "arrives", "arriving"),
    ),
    "leaves": (
        ("leave", "leaves", "leaving"),
        ("go away", "goes away", "going away"),
        ("walk away", "walks away", "walking away"),
        ("leave the picture", "leaves the picture", "leaving the picture"),
        ("disappear", "disappears", "disappearing"),
    ),
    "sleeps": (
        ("sleep", "sleeps", "sleeping"),
        ("fall asleep", "falls asleep", "falling asleep"),
        ("take a nap", "takes a nap", "taking a nap"),
    ),
    "dives": (
        ("go under water", "goes under water", "going under water"),
        ("dive", "dives", "diving"),
        ("dive under the water", "dives under the water", "diving under the water"),
        ("dive into the water", "dives into the water", "diving into the water"),
        ("go under the water", "goes under the water", "going under the water"),
    ),
    "surfaces": (
        ("come up to the surface", "comes up to the surface", "coming up to the surface"),
        ("come out of the water", "comes out of the water", "coming out of the water"),
        ("swim up to the surface", "swims up to the surface", "swimming up to the surface"),
    ),
    "watches fireworks": (
        ("watch fireworks", "watches fireworks", "watching fireworks"),
        ("watch the fireworks", "watches the fireworks", "watching the fireworks"),
        ("look at the fireworks", "looks at the fireworks", "looking at the fireworks"),
    ),
    "walks pet": (
        ("walk {o}", "walks {o}", "walking {o}"),
        ("take {o} for a walk", "takes {o} for a walk", "taking {o} for a walk"),
        ("walk with {o} on a lead", "walks with {o} on a lead", "walking with {o} on a lead"),
        ("walk with {o} on a leash", "walks with {o} on a leash", "walking with {o} on a leash"),
    ),
    "eats": (
        ("eat {f}", "eats {f}", "eating {f}"),
        ("eat {f}", "eats {f}", "eating {f}"),
        ("have {f}", "has {f}", "having {f}"),
    ),
    "drives": (
        ("drive", "drives", "driving"),
        ("drive along", "drives along", "driving along"),
        ("roll along", "rolls along", "rolling along"),
        ("ride", "rides", "riding"),
    ),
    "sails": (("sail", "sails", "sailing"), ("float", "floats", "floating"), ("drift", "drifts", "drifting")),
}
"""Ways to say each action, the plainest first."""

BESIDE = ("with", "next to", "together with", "beside", "alongside")
KEEPS = ("keeps", "is still", "continues", "goes on")
STARTS = ("starts", "begins", "now", "then", "suddenly")
BECOMES = (
    "turns into",
    "becomes",
    "transforms into",
    "changes into",
    "morphs into",
    "is turning into",
    "is becoming",
    "is transforming into",
    "is changing into",
)
JOINS = ("joins", "comes to", "walks up to", "is joined by", "meets")
GOES = ("goes", "travels", "moves", "comes")
OPENINGS = ("side view of", "a shot of", "a video of", "a view of", "wide shot of", "a picture of")
PROP_PHRASES = ("next to", "near", "beside", "by", "in front of")
FISHES = (
    "with colorful fishes",
    "with colourful fishes",
    "with colorful fish",
    "with colourful fish",
    "among colorful fishes",
    "among colourful fishes",
    "with many fishes",
    "surrounded by colourful fish",
    "surrounded by colorful fishes",
)
FISH_EVENTS = ("colorful fishes appear", "colourful fishes come", "a school of fish appears")
FIREWORKS = ("with fireworks", "under fireworks", "with fireworks in the sky", "while fireworks explode")
FIREWORK_EVENTS = (
    "fireworks explode in the sky",
    "there are fireworks",
    "fireworks light up the sky",
    "fireworks begin",
)
PUDDLE = ("through a puddle", "through puddles", "through a puddle of water", "in a puddle")
PRONOUNS = ("it", "he", "she", "they", "his", "her", "its")
GLUE = (
    "a",
    "an",
    "the",
    "and",
    "is",
    "are",
    "to",
    "while",
    "keep",
    "still",
    "continue",
    "go on",
    "start",
    "begin",
    "of",
)
"""Small words and forms that the grammar itself writes."""
ADVERBS = ("slowly", "happily", "quickly")

_WORD = re.compile(r"[a-z0-9]+(?:[-'][a-z0-9]+)*")


def split(text: str) -> list[str]:
    """The lower-case words of a text, hyphens kept inside a word, punctuation left out."""
    return _WORD.findall(text.lower())


def _strings(value: object) -> Iterator[str]:
    """All strings in nested tables, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(key)
            yield from _strings(inner)
    elif isinstance(value, Iterable):
        for inner in value:
            yield from _strings(inner)


def vocabulary() -> frozenset[str]:
    """Every lower-case word that a caption may contain."""
    tables: list[object] = [
        VERBS.values(),
        BESIDE,
        KEEPS,
        STARTS,
        BECOMES,
        JOINS,
        GOES,
        OPENINGS,
        PROP_PHRASES,
        FISHES,
        FISH_EVENTS,
        FIREWORKS,
        FIREWORK_EVENTS,
        PUDDLE,
        PRONOUNS,
        GLUE,
        ADVERBS,
        cast.FOODS,
        places.TIMES,
        places.TIME_PHRASES,
        places.TIME_EVENTS,
        places.WEATHERS,
        places.WEATHER_PHRASES,
        places.WEATHER_EVENTS,
        places.STYLES,
        places.STYLE_PHRASES,
        places.STYLE_OPENINGS,
        places.CAMERAS,
        places.CAMERA_PHRASES,
        [(subject.name, subject.also) for subject in cast.SUBJECTS],
        [name for name, _, _ in cast.PROPS],
        [(place.phrases, place.into) for place in places.PLACES],
    ]
    text = " ".join(string for string in _strings(tables) if string.isascii())
    return frozenset(split(re.sub(r"\{.\}", " ", text)))
