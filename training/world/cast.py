"""Who and what can be on screen: subjects, props, food and effects, each with its glyph and its names.

Plain data; imports nothing but the standard library. The order of SUBJECTS decides which (subject, place) pairs are
held out, so new ones go to the end.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subject:
    """Someone or something that acts."""

    name: str
    glyph: str
    kind: str
    """person, animal, bird, fish, vehicle, ship, aircraft or thing: decides what it can do and how that is said."""
    size: float = 1.0
    """Relative height on screen."""
    faces: int = -1
    """Where the picture looks: -1 left, 1 right, 0 at us (then it is not mirrored)."""
    also: tuple[str, ...] = ()
    """Other names, all of which mean the same picture."""
    body: str = ""
    """The plan by which `bodies` draws the rest of a glyph that is only a head; empty for a whole figure."""
    coat: tuple[str, str] = ("", "")
    """The body's two colours, CSS hex."""


def _s(text: str, *also: str, faces: int = -1, size: float = 1.0, body: str = "", coat: str = "") -> Subject:
    """A row of the table: `glyph kind name`, for short."""
    glyph, kind, name = text.split(" ", 2)
    first, _, second = coat.partition(" ")
    return Subject(name, glyph, kind, size, faces, also, body, (first, second))


SUBJECTS: tuple[Subject, ...] = (
    _s("🧸 person teddy bear", "teddy", "toy bear", faces=0),
    _s("🐼 animal panda bear", "panda", "giant panda", faces=0, body="bear", coat="#23262b #f6f6f2"),
    _s(
        "🧑‍🚀 person astronaut",
        "spaceman",
        "space traveller",
        "space traveler",
        faces=1,
        body="suit",
        coat="#eceff3 #8d99a8",
    ),
    _s("🐕 animal dog", "puppy", "doggy", size=0.85),
    _s("🐈 animal cat", "orange cat", "ginger cat", "kitten", size=0.85),
    _s("🐇 animal rabbit", "bunny", "white rabbit", "hare", size=0.85),
    _s("🐎 animal horse", "brown horse", "pony", size=1.15),
    _s("🐄 animal cow"),
    _s("🐖 animal pig", "pink pig"),
    _s("🐑 animal sheep", "lamb", "white sheep"),
    _s("🐐 animal goat", "brown goat"),
    _s("🐘 animal elephant", "grey elephant", "gray elephant", size=1.25),
    _s("🦏 animal rhinoceros", "rhino", size=1.15),
    _s("🦛 animal hippopotamus", "hippo", size=1.15),
    _s("🦒 animal giraffe", size=1.3),
    _s("🦘 animal kangaroo", size=1.1),
    _s("🐫 animal camel", size=1.15),
    _s("🐅 animal tiger", "striped tiger"),
    _s("🐆 animal leopard", "cheetah"),
    _s("🐒 animal monkey", "little monkey"),
    _s("🦍 animal gorilla", "ape", size=1.1),
    _s("🦔 animal hedgehog", size=0.8),
    _s("🐿 animal squirrel", "chipmunk", size=0.85),
    _s("🐁 animal mouse", "grey mouse", "gray mouse", size=0.75),
    _s("🐧 bird penguin", size=0.9),
    _s("🐓 bird rooster", "cockerel", "chicken", size=0.9),
    _s("🦆 bird duck", "mallard", size=0.85),
    _s("🦢 bird swan", "white swan"),
    _s("🦉 bird owl", "brown owl", faces=0, size=0.9),
    _s("🦩 bird flamingo", "pink flamingo", size=1.1),
    _s("🦜 bird parrot", "green parrot"),
    _s("🦅 bird eagle", "bald eagle"),
    _s("🐢 animal turtle", "tortoise", "green turtle", size=0.85),
    _s("🐊 animal crocodile", "alligator"),
    _s("🐍 animal snake", "green snake", size=0.9),
    _s("🦖 animal dinosaur", "t-rex", "tyrannosaurus", size=1.2),
    _s("🐉 animal dragon", "green dragon", size=1.2),
    _s("🐋 fish whale", "blue whale", size=1.25),
    _s("🐬 fish dolphin", size=1.05),
    _s("🐠 fish tropical fish", "yellow fish", "angelfish", size=0.8),
    _s("🐟 fish blue fish", "fish", size=0.8),
    _s("🦈 fish shark", "grey shark", "gray shark", size=1.15),
    _s("🐙 fish octopus", faces=0),
    _s("🦀 animal crab", "orange crab", faces=0, size=0.8),
    _s("🐌 animal snail", size=0.8),
    _s("🦋 bird butterfly", "monarch butterfly", faces=0, size=0.85),
    _s("🐝 bird bee", "bumblebee", "honeybee", size=0.8),
    _s("⛄ person snowman", "snow man", faces=0),
    _s("👻 person ghost", "white ghost", faces=0),
    _s("👽 person alien", "green alien", faces=0, body="suit", coat="#4fb35b #2f7f43"),
    _s("🧙 person wizard", "sorcerer", "magician", faces=0),
    _s("🧚 person fairy", "pixie", faces=0),
    _s("🧜‍♀️ person mermaid", faces=0),
    _s("🎅 person santa claus", "santa", "father christmas", faces=0, body="suit", coat="#cf2f32 #22252c"),
    _s("💃 person dancer", "woman in a red dress", "ballerina", faces=0),
    _s("🤖 person robot", "grey robot", "gray robot", faces=0, body="robot", coat="#8796a0 #5b6871"),
    _s("🐻 animal brown bear", "bear", "grizzly bear", faces=0, body="bear", coat="#8a5a3c #b5825c", size=1.1),
    _s("🐻‍❄️ animal polar bear", "white bear", "ice bear", faces=0, body="bear", coat="#e3eaee #ffffff", size=1.1),
    _s("🐨 animal koala", "koala bear", faces=0, body="bear", coat="#98a0a8 #d8dde0"),
    _s("🦁 animal lion", body="four", coat="#f3a83b #8a4b2a", size=1.1),
    _s("🦊 animal fox", "red fox", body="four", coat="#ef6a2a #ffffff"),
    _s("🐺 animal wolf", "grey wolf", "gray wolf", body="four", coat="#8f979d #d7dcdf"),
    _s("🐸 animal frog", "green frog", faces=0, body="frog", coat="#79b93a #d3e78f", size=0.9),
    _s("🦄 animal unicorn", "white unicorn", body="four", coat="#f1f2f6 #e36fb8", size=1.15),
    _s("🚗 vehicle red car", "car", "automobile"),
    _s("🚙 vehicle blue car", "jeep", "blue jeep"),
    _s("🚕 vehicle taxi", "yellow taxi", "cab", "yellow cab"),
    _s("🚌 vehicle bus", "coach", size=1.1),
    _s("🚂 vehicle train", "steam train", "locomotive", "steam engine", size=1.1),
    _s("🚲 vehicle bicycle", "bike"),
    _s("🚒 vehicle fire engine", "fire truck", size=1.1),
    _s("🚜 vehicle tractor", "green tractor", size=1.1),
    _s("⛵ ship sailing boat", "sailboat", "sailing ship", size=1.15, faces=0),
    _s("🚢 ship ship", "steamer", "cruise ship", size=1.2, faces=0),
    _s("🚀 aircraft rocket", "spaceship", "space rocket", faces=0, size=1.1),
    _s("✈️ aircraft aeroplane", "airplane", "plane", faces=0, size=1.1),
    _s("🚁 aircraft helicopter", "yellow helicopter", size=1.1),
    _s("🎈 thing red balloon", "balloon", faces=0, size=0.9),
    _s("🛸 aircraft flying saucer", "ufo", faces=0),
    _s("🦕 animal long-necked dinosaur", "brontosaurus", "sauropod", size=1.25),
    _s("🦌 animal deer", "stag", size=1.1),
    _s("🦙 animal llama", "alpaca", size=1.1),
)

PROPS: tuple[tuple[str, str, float], ...] = (
    ("tree", "🌳", 1.5),
    ("palm tree", "🌴", 1.5),
    ("cactus", "🌵", 1.2),
    ("sunflower", "🌻", 1.1),
    ("mushroom", "🍄", 0.8),
    ("campfire", "🔥", 0.85),
    ("parasol", "⛱", 1.1),
    ("tent", "⛺", 1.2),
    ("house", "🏠", 1.6),
    ("gift", "🎁", 0.75),
    ("pumpkin", "🎃", 0.75),
    ("fountain", "⛲", 1.2),
    ("stone head", "🗿", 1.2),
    ("football", "⚽", 0.6),
    ("christmas tree", "🎄", 1.5),
    ("puddle", "", 0.5),
)
"""Name, glyph (empty: drawn by `bodies`), relative height."""

FOODS: tuple[tuple[str, str], ...] = (
    ("apple", "🍎"),
    ("cake", "🍰"),
    ("pizza", "🍕"),
    ("banana", "🍌"),
    ("ice cream", "🍦"),
    ("watermelon", "🍉"),
    ("carrot", "🥕"),
    ("doughnut", "🍩"),
)

EFFECTS: tuple[tuple[str, str], ...] = (
    ("sleep", "💤"),
    ("music", "🎵"),
    ("splash", "💦"),
)

SCHOOL: tuple[str, ...] = ("tropical fish", "blue fish")
"""The subjects that a school of colourful fishes is made of; `atlas` adds recoloured ones, named `fish 0`..`fish 3`."""

FISH_HUES: tuple[float, ...] = (0.0, 0.28, 0.5, 0.83)
"""Turns of the colour wheel by which the school's fishes are recoloured."""

SUBJECT_INDEX: dict[str, int] = {subject.name: index for index, subject in enumerate(SUBJECTS)}


def sprite_names() -> tuple[str, ...]:
    """All sprites in the order of the atlas; the first is the empty one."""
    return (
        "",
        *(subject.name for subject in SUBJECTS),
        *(name for name, _, _ in PROPS),
        *(name for name, _ in FOODS),
        *(name for name, _ in EFFECTS),
        *(f"fish {index}" for index in range(len(FISH_HUES))),
    )
