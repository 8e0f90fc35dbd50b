"""Where a scene can be, when, and in what weather: names, the phrases for them, and what decides their picture.

Plain data; imports nothing but the standard library. The order of PLACES decides which (subject, place) pairs are held
out, so new ones go to the end.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A place, with all ways to say that someone is there."""

    name: str
    medium: str
    """land, indoors, surface (of water), under (water), air or space."""
    sky: str
    """Which sky is behind it: earth, mars, black, water or none."""
    foot: float
    """Where feet are, as a fraction of the picture's height from its top."""
    phrases: tuple[str, ...]
    into: tuple[str, ...] = ()
    """Ways to say that someone gets there; without any, the phrases serve."""


PLACES: tuple[Place, ...] = (
    Place(
        "san francisco",
        "surface",
        "earth",
        0.82,
        (
            "in the ocean at San Francisco",
            "in the sea near San Francisco",
            "in the bay of San Francisco",
            "in San Francisco",
            "in the ocean by the Golden Gate bridge",
            "in the water near the bridge",
        ),
        ("to San Francisco", "to the ocean at San Francisco"),
    ),
    Place(
        "under water",
        "under",
        "water",
        0.66,
        (
            "under water",
            "under the water",
            "underwater",
            "under the sea",
            "deep under the sea",
            "at the bottom of the ocean",
        ),
        ("under water", "under the water"),
    ),
    Place(
        "mars",
        "land",
        "mars",
        0.88,
        ("on mars", "on the planet mars", "on the red planet", "on the surface of mars"),
        ("to mars",),
    ),
    Place("moon", "land", "black", 0.88, ("on the moon", "on the surface of the moon"), ("to the moon",)),
    Place(
        "space",
        "space",
        "black",
        0.70,
        ("in space", "in outer space", "among the stars"),
        ("into space", "into outer space"),
    ),
    Place(
        "forest",
        "land",
        "earth",
        0.89,
        ("in the forest", "in a forest", "in the woods", "between the trees of a forest"),
        ("to the forest", "into the woods"),
    ),
    Place(
        "city", "land", "earth", 0.90, ("in the city", "in a big city", "in front of tall buildings"), ("to the city",)
    ),
    Place(
        "desert",
        "land",
        "earth",
        0.88,
        ("in the desert", "in a desert", "in the sand of the desert", "between sand dunes"),
        ("to the desert",),
    ),
    Place(
        "snow",
        "land",
        "earth",
        0.89,
        ("in the snow", "on a snow field", "in a snowy landscape", "in a white winter landscape"),
        ("to the snow field",),
    ),
    Place(
        "beach",
        "land",
        "earth",
        0.90,
        ("on the beach", "at the beach", "on a sandy beach", "by the sea"),
        ("to the beach",),
    ),
    Place(
        "meadow",
        "land",
        "earth",
        0.89,
        ("in a meadow", "on a green meadow", "in the meadow", "in a field of flowers", "on the grass", "in the park"),
        ("to the meadow",),
    ),
    Place(
        "kitchen",
        "indoors",
        "none",
        0.90,
        ("in the kitchen", "in a kitchen", "on the kitchen floor"),
        ("into the kitchen",),
    ),
    Place(
        "castle",
        "land",
        "earth",
        0.90,
        ("in front of a castle", "at the castle", "near an old castle", "by the castle"),
        ("to the castle",),
    ),
    Place(
        "sky",
        "air",
        "earth",
        0.68,
        ("in the sky", "above the clouds", "high up in the air", "in the clouds"),
        ("up into the sky", "into the clouds"),
    ),
    Place(
        "jungle",
        "land",
        "earth",
        0.89,
        ("in the jungle", "in a jungle", "in the rainforest"),
        ("to the jungle", "into the jungle"),
    ),
    Place(
        "harbour",
        "surface",
        "earth",
        0.83,
        ("in the harbour", "in the harbor", "in the water of a harbour", "at the port"),
        ("to the harbour", "to the harbor"),
    ),
    Place(
        "street",
        "land",
        "earth",
        0.91,
        ("on the street", "in the street", "on a road", "down the street"),
        ("to the street",),
    ),
    Place(
        "stage",
        "indoors",
        "none",
        0.88,
        ("on a stage", "on the stage", "on stage in a theatre", "on stage in a theater"),
        ("to the stage", "onto the stage"),
    ),
    Place(
        "mountains",
        "land",
        "earth",
        0.89,
        ("in the mountains", "in front of high mountains", "on a mountain path"),
        ("to the mountains",),
    ),
    Place(
        "ocean",
        "surface",
        "earth",
        0.82,
        ("in the ocean", "in the sea", "in the water", "on the open sea", "on the waves"),
        ("to the ocean", "into the sea"),
    ),
    Place(
        "living room",
        "indoors",
        "none",
        0.90,
        ("in the living room", "in a room", "at home", "on the carpet"),
        ("into the living room", "into the room"),
    ),
    Place("farm", "land", "earth", 0.89, ("on a farm", "on the farm", "in front of a red barn"), ("to the farm",)),
)

PLACE_INDEX: dict[str, int] = {place.name: index for index, place in enumerate(PLACES)}

TIMES: tuple[str, ...] = ("day", "sunset", "night")
TIME_PHRASES: dict[str, tuple[str, ...]] = {
    "day": ("during the day", "in the daytime", "on a sunny day", "in bright daylight"),
    "sunset": ("at sunset", "in the evening", "at dusk", "during a red sunset"),
    "night": ("at night", "in the night", "under the stars", "in the dark"),
}
TIME_EVENTS: dict[str, tuple[str, ...]] = {
    "day": ("it becomes day", "the day begins", "morning comes"),
    "sunset": ("the sun sets", "evening comes", "the sun goes down"),
    "night": ("night falls", "it gets dark", "it becomes night"),
}

WEATHERS: tuple[str, ...] = ("clear", "rain", "snow", "fog")
WEATHER_PHRASES: dict[str, tuple[str, ...]] = {
    "clear": ("in clear weather", "under a clear sky"),
    "rain": ("in the rain", "while it is raining", "on a rainy day", "in heavy rain"),
    "snow": ("while it is snowing", "in falling snow", "as snow falls", "in a snowstorm"),
    "fog": ("in the fog", "in thick fog", "in the mist", "on a foggy day"),
}
WEATHER_EVENTS: dict[str, tuple[str, ...]] = {
    "clear": ("the weather clears up", "the sky becomes clear"),
    "rain": ("it starts to rain", "it begins to rain", "it starts raining", "rain falls"),
    "snow": ("it starts to snow", "it begins to snow", "it starts snowing", "snow falls"),
    "fog": ("fog comes up", "it becomes foggy", "the fog rolls in"),
}

STYLES: tuple[str, ...] = ("photorealistic", "cartoon", "pencil drawing", "watercolour", "black and white", "night")
STYLE_PHRASES: dict[str, tuple[str, ...]] = {
    "photorealistic": ("photorealistic", "realistic", "photo realistic"),
    "cartoon": ("cartoon", "cartoon style", "comic style", "in the style of a cartoon"),
    "pencil drawing": ("pencil drawing", "pencil sketch", "a pencil drawing", "drawn with a pencil", "sketch"),
    "watercolour": ("watercolour", "watercolor", "watercolour painting", "watercolor painting", "a watercolour"),
    "black and white": ("black and white", "black and white film", "old film", "in black and white"),
    "night": ("night", "night scene", "at night"),
}
STYLE_OPENINGS: dict[str, tuple[str, ...]] = {
    "photorealistic": ("a photorealistic video of", "a realistic video of"),
    "cartoon": ("a cartoon of", "a cartoon film of"),
    "pencil drawing": ("a pencil drawing of", "a pencil sketch of", "a drawing of"),
    "watercolour": ("a watercolour of", "a watercolor painting of", "a watercolour painting of"),
    "black and white": ("a black and white film of", "an old film of"),
    "night": ("a night scene of", "a night view of"),
}

CAMERAS: tuple[str, ...] = ("still", "follows", "pans left", "pans right", "zooms in", "zooms out")
CAMERA_PHRASES: dict[str, tuple[str, ...]] = {
    "still": ("still camera", "the camera stands still", "static shot"),
    "follows": ("the camera follows", "tracking shot", "the camera moves along"),
    "pans left": ("the camera pans left", "the camera moves to the left", "panning left", "pan left"),
    "pans right": ("the camera pans right", "the camera moves to the right", "panning right", "pan right"),
    "zooms in": ("the camera zooms in", "zooming in", "slow zoom in", "the camera comes closer"),
    "zooms out": ("the camera zooms out", "zooming out", "slow zoom out", "the camera moves back"),
}
