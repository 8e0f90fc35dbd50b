"""Strategies of hypothesis: whole screenplays, most of them sound, and texts of screenplays with bytes gone wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

Film = dict[str, object]

ODD: Final = st.sampled_from(
    [
        "%s %n",
        "{{0}}",
        "{bear}",
        "<b>&amp;</b>",
        "'; drop",
        "\u202eabc\u2066",
        "e\u0301\u200d",
        "日本語",
        "🎬" * 9,
        "-i x",
        "\\n\\",
        "#",
        "a: b",
        "W" * 300,
    ]
)
TEXT: Final = ODD | st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="{}"), min_size=1, max_size=30
)
RATES: Final = st.sampled_from([1, 2, 5, 8, 24, "24000/1001", "30000/1001", 60, 240, "7/3"])
SIDES: Final = st.integers(8, 40).map(lambda half: 2 * half)
FRAMES: Final = st.integers(1, 24).map(lambda count: f"{count}f")
BAD: Final = ("replace", "drop", "double", "insert")
PIECES: Final = st.binary(max_size=6) | st.sampled_from(
    [
        b"{",
        b"}",
        b"- ",
        b": ",
        b"\n",
        b"*",
        b"&a ",
        b"'",
        b'"',
        b"\t",
        b"<<: ",
        b"!!",
        b"|\n",
        b"\xff",
        b"\0",
        b"9" * 30,
    ]
)


@st.composite
def scenes(draw: st.DrawFn, number: int, shot: Sequence[str]) -> Film:
    """One scene; `shot` are the ids of those before it that can be continued."""
    made: Film = {"id": f"s{number}", "duration": draw(FRAMES)}
    if draw(st.integers(0, 5)) == 0:
        return made | {"card": {"text": draw(TEXT), "color": "#102030"}}
    made["prompt"] = draw(TEXT)
    optional = {
        "continues": st.sampled_from(["previous", "nothing", *shot]),
        "leads_into": st.sampled_from([f"s{each}" for each in range(7)]),
        "beats": st.lists(st.fixed_dictionaries({"at": FRAMES, "prompt": TEXT}), max_size=3),
        "take": st.integers(1, 3),
        "seed": st.integers(0, 2**63 - 1),
        "negative": TEXT,
        "caption": TEXT,
        "transition": st.fixed_dictionaries({"kind": st.sampled_from(["dissolve", "fade"]), "duration": FRAMES}),
        "trim": st.fixed_dictionaries({"head": FRAMES, "tail": FRAMES}),
        "engine": engines(),
    }
    for name in draw(st.sets(st.sampled_from(sorted(optional)), max_size=3)):
        made[name] = draw(optional[name])
    return made


@st.composite
def engines(draw: st.DrawFn) -> Film:
    """`animatic`, with some of its options."""
    optional = {
        "tail": st.integers(1, 16),
        "head": st.integers(1, 16),
        "window": st.integers(1, 40),
        "rate": RATES,
        "grade": st.booleans(),
        "width": SIDES,
    }
    engine: Film = {"name": "animatic"}
    for name in draw(st.sets(st.sampled_from(sorted(optional)), max_size=2)):
        engine[name] = draw(optional[name])
        if name == "width":
            engine["height"] = draw(SIDES)
    return engine


@st.composite
def films(draw: st.DrawFn) -> Film:
    """A whole screenplay, small and on `animatic`; whether it is sound has to be seen."""
    film: Film = {"engine": draw(engines()), "cast": {"bear": draw(TEXT)}, "scenes": []}
    film["format"] = {"width": draw(SIDES), "height": draw(SIDES), "rate": draw(RATES)}
    film["format"]["fit"] = draw(st.sampled_from(["cover", "contain"]))
    for name in draw(st.sets(st.sampled_from(["title", "style", "negative"]))):
        film[name] = draw(TEXT)
    made: list[Film] = []
    for number in range(draw(st.integers(1, 4))):
        shot = [str(each["id"]) for each in made if "card" not in each]
        made.append(draw(scenes(number, shot)))
    return film | {"scenes": made}


@st.composite
def mutated(draw: st.DrawFn, texts: Sequence[bytes]) -> bytes:
    """One of the texts with a few bytes gone, doubled, or others in their place."""
    raw = bytearray(draw(st.sampled_from(texts)))
    for _ in range(draw(st.integers(1, 5))):
        at, gone = draw(st.integers(0, len(raw))), draw(st.integers(0, 40))
        match draw(st.sampled_from(BAD)):
            case "drop":
                del raw[at : at + gone]
            case "double":
                raw[at:at] = raw[at : at + gone]
            case "insert":
                raw[at:at] = draw(PIECES)
            case _:
                raw[at : at + gone] = draw(PIECES)
    return bytes(raw)
