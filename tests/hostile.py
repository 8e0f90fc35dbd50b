"""A corpus of screenplays and files as a stranger may send them, made by code: nothing of it lies in the repository.

    TEXTS      screenplays by name: the text of `film.yaml`, and what must be said of it
    SCENES     the same of what one scene, or the film around it, says; files beside it are made by `make_assets`

Each must end in a clear fault, soon, in little memory, and with nothing touched but the film's own folder.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from tests.films import scene, screenplay, text_of

FILM: Final = "title: T\nengine: animatic\nformat: {width: 96, height: 54, rate: 8}\nscenes:\n"
SCENE: Final = "- {id: a, prompt: Rain., duration: 1s}\n"
ESCAPE: Final = "\x1b]0;owned\x07\x1b[2J"
BIDI: Final = "\u202e"


@dataclass(frozen=True, slots=True)
class Hostile:
    """What is in `film.yaml`, and a pattern of what must be said of it; nothing where it is a film like any other."""

    text: str | bytes
    says: str | None


def _aliases() -> str:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(rows)


def _merges() -> str:
    rows = ["m0: &m0 {k: v}", *(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 12)}]}}" for n in range(1, 10))]
    return "\n".join(rows)


def _lines(count: int, line: str) -> str:
    return "".join(line.format(n=number) for number in range(count))


TEXTS: Final = {
    "alias bomb": Hostile(_aliases(), "begins an? (anchor|alias)"),
    "merge bomb": Hostile(_merges(), "begins an? (anchor|alias)|merges mappings"),
    "60,000 levels in brackets": Hostile("a: " + "[" * 60_000, "nested more than"),
    "60,000 levels in braces": Hostile("a: " + "{a: " * 60_000, "nested more than"),
    "60,000 levels of lists": Hostile("- " * 60_000, "nested more than"),
    "60,000 complex keys": Hostile("? " * 60_000, "must be text|nested more than"),
    "60,000 levels by indent": Hostile(_lines(2_800, "{n}:\n").replace(":\n", ":\n"), "unknown field|no `scenes`"),
    "a scalar of 100 MB": Hostile(b"title: " + b"x" * 100_000_000, "larger than"),
    "a scalar of 8 MB": Hostile("title: " + "x" * (8_000_000), "KiB"),
    "a key of 8 MB": Hostile("x" * 8_000_000 + ": 1", "KiB|simple key"),
    "a quoted scalar without end": Hostile('title: "' + "\\n" * 3_900_000, "quote|scalar|end"),
    "a comment of 8 MB": Hostile("#" * 8_000_000, "empty"),
    "8 MB of line ends": Hostile("\n" * 8_000_000, "empty"),
    "400,000 items": Hostile("a:\n" + "- 1\n" * 400_001, "pieces of text"),
    "duplicate keys": Hostile(FILM + SCENE + "title: U\n", "is written twice; first at 1:1"),
    "100,000 duplicate keys": Hostile(_lines(100_000, "a: 1\n"), "written twice"),
    "a tag that makes objects": Hostile(
        "title: !!python/object/apply:os.system [id]\n" + FILM[9:] + SCENE, "begins a tag"
    ),
    "a tag of our own": Hostile(FILM + "- !x {id: a}\n", "begins a tag"),
    "a row of directives": Hostile("a: 1\n...\n" + _lines(200_000, "%TAG !{n}! x\n"), "cannot begin with `%`"),
    "a second document": Hostile(FILM + SCENE + "---\n" + FILM, "second document"),
    "NUL bytes": Hostile(FILM + SCENE.replace("Rain", "Ra\0in"), r"U\+0000"),
    "NUL as an escape": Hostile(FILM + '- {id: a, prompt: "Ra\\0in", duration: 1s}\n', "control character"),
    "lone surrogates": Hostile(b"title: \xed\xa0\x80\n", "is not UTF-8"),
    "a lone surrogate as an escape": Hostile('title: "\\ud800"\n' + FILM[9:] + SCENE, r"escape|surrogate|U\+D800"),
    "UTF-16": Hostile((FILM + SCENE).encode("utf-16"), "is UTF-16"),
    "UTF-32": Hostile((FILM + SCENE).encode("utf-32"), "is UTF-16|is not UTF-8"),
    "a mark of byte order inside": Hostile(FILM + SCENE.replace("Rain", "\ufeffRain"), r"U\+FEFF"),
    "latin-1": Hostile((FILM + SCENE.replace("Rain", "Pluie d'été")).encode("latin-1"), "is not UTF-8"),
    "random bytes": Hostile(zlib.compress(bytes(range(256)) * 400, 9) * 20, "is not UTF-8|cannot stand"),
    "a terminal escape": Hostile(FILM + SCENE.replace("Rain", ESCAPE), r"U\+001B"),
    "a terminal escape as an escape": Hostile(
        FILM + '- {id: "\\e[2J", prompt: "\\e]0;owned\\a", duration: "\\e[1m"}\n', r"\\x1b\[2J"
    ),
    "a terminal escape in C1": Hostile(FILM + '- {id: a, prompt: "\\x9b2J", duration: 1s}\n', r"\\x9b"),
    "an escape as the name of a field": Hostile(FILM + SCENE + '"\\e[2J": 1\n', r"unknown field `\\x1b\[2J`"),
    "bidi controls in a field": Hostile(FILM + SCENE + f"{BIDI}title: 1\n", r"unknown field `\\u202etitle`"),
    "an integer of 10,000 digits": Hostile("seed: " + "9" * 10_000 + "\n" + FILM + SCENE, "10000 digits"),
    "a float beyond all": Hostile("seed: 1e999999999\n" + FILM + SCENE, "no finite number"),
    "not a number": Hostile("seed: .nan\n" + FILM + SCENE, "no finite number"),
    "a sexagesimal number": Hostile(FILM + SCENE.replace("1s", "190:20:30"), "longer than a day"),
    "20,000 scenes that continue in a ring": Hostile(
        "engine: animatic\nscenes:\n"
        + "- {id: s0, prompt: p, duration: 1s, leads_into: s19999}\n"
        + "".join(f"- {{id: s{n}, prompt: p, duration: 1s}}\n" for n in range(1, 20_000)),
        "wait|s0 ->",
    ),
    "20,001 scenes": Hostile(FILM + "- {id: a, prompt: p, duration: 1s}\n" * 20_001, "20,000 are the most"),
    "20,000 scenes of one name": Hostile(FILM + "- {id: a, prompt: p, duration: 1s}\n" * 20_000, "used twice"),
    "20,000 wrong scenes": Hostile(FILM + "- {id: A, dura: 1}\n" * 20_000, "and at least"),
    "100,000 unknown fields": Hostile(_lines(100_000, "f{n}: 1\n"), "and at least"),
    "100,000 cast members": Hostile("cast:\n" + _lines(100_000, "  {n}: x\n"), "no `scenes`"),
}
"""Whole texts."""


def _film(**fields: object) -> Hostile | dict[str, object]:
    return screenplay([scene("a")], **fields)


def _text(says: str | None, scenes: list[dict[str, object]], **film: object) -> Hostile:
    return Hostile(text_of(screenplay(scenes, **film)), says)


def _asset(says: str, file: str, kind: str = "start") -> Hostile:
    if kind in ("footage", "sound"):
        return _text(says, [scene("a", **{kind: {"file": file}})])
    if kind == "reference":
        return _text(says, [scene("a")], cast={"bear": {"description": "a bear", "reference": file}})
    return _text(says, [scene("a", **{kind: {"image": file}})])


def _engine(says: str, **engine: object) -> Hostile:
    return _text(says, [scene("a")], engine=engine)


HUB: Final = {"model": "org/name", "revision": "0" * 40}
SCENES: Final = {
    # Paths
    "a path up and out": _asset("is outside the screenplay's folder", "../outside/secret.png"),
    "a path up and out, within": _asset("is outside", "assets/../../outside/secret.png"),
    "an absolute path": _asset("is no path inside", "/etc/hostname"),
    "a path from home": _asset("is no path inside", "~/.ssh/id_rsa", "footage"),
    "a path of Windows": _asset("is no path inside", "C:\\Windows\\win.ini"),
    "a path of a network": _asset("is no path inside", "\\\\host\\share\\x.png"),
    "a link out": _asset("is outside", "link.png"),
    "a link to a folder outside": _asset("is outside", "folder/secret.png"),
    "a link to itself": _asset("cannot read|Symlink loop|levels of symbolic", "loop.png"),
    "a link to /dev/zero": _asset("is outside", "zero.png"),
    "a pipe": _asset("is no regular file", "pipe.png"),
    "a folder": _asset("is a folder", "assets"),
    "an empty path": _asset("no file is named", " "),
    "a path with NUL": _asset("no possible path|cannot read", "a\0b.png"),
    "a path of 5,000 characters": _asset("cannot read|no file", "x" * 5_000),
    "an address": _asset("is an address", "https://example.com/x.png"),
    "an address of data": _asset("is an address", "data:image/png;base64,AAAA"),
    "an address of a file": _asset("is an address", "file:///etc/passwd", "footage"),
    "a protocol of ffmpeg": _asset("no file|is an address", "concat:a.mp4|b.mp4", "footage"),
    "a protocol of ffmpeg that reads a part": _asset(
        "no file|no possible", "subfile,,start,0,end,9,,:x.mp4", "footage"
    ),
    "a reference out": _asset("is outside", "../outside/secret.png", "reference"),
    # Pictures and movies
    "a picture bomb": _asset("million pixels", "bomb.png"),
    "a picture bomb in TIFF": _asset("million pixels|no PNG|cannot be read", "bomb.tiff"),
    "a picture that is none": _asset("is no PNG", "text.png"),
    "a picture in PostScript": _asset("is no PNG", "script.png"),
    "a picture in SVG": _asset("is no PNG", "vector.png"),
    "a playlist of HLS": _asset("is no movie", "hls.mp4", "footage"),
    "a list of ffconcat": _asset("is no movie", "concat.mp4", "footage"),
    "a session description": _asset("is no movie", "session.mp4", "footage"),
    "a manifest of DASH": _asset("is no movie", "dash.mp4", "footage"),
    "a movie that refers to another": _asset("no movie|no pictures|damaged", "refers.mp4", "footage"),
    "a playlist of HLS as sound": _asset("is no sound", "hls.mp4", "sound"),
    "a list of ffconcat as sound": _asset("is no sound", "concat.mp4", "sound"),
    "a session description as sound": _asset("is no sound", "session.mp4", "sound"),
    "a movie that refers to another as sound": _asset("no sound|damaged", "refers.mp4", "sound"),
    "a sound that has pictures alone": _asset("no sound", "bomb.mov", "sound"),
    "a sound outside": _asset("outside the screenplay's folder|no path inside", "../outside/secret.png", "sound"),
    "a sound without end": _asset("no path inside", "/dev/zero", "sound"),
    "a sound at an address": _asset("is an address", "https://example.org/a.wav", "sound"),
    "a sound that claims more than there is": _asset("no sound|damaged", "claims.wav", "sound"),
    "a gain without end": _text("gain", [scene("a", sound={"file": "claims.wav", "gain": 10**9})]),
    "a movie bomb": _asset("million pixels", "bomb.mov", "footage"),
    "a movie bomb inside": _asset("has no pictures|million pixels", "inside.mov", "footage"),
    "a movie of an hour in 50 bytes": _asset("no movie|no pictures|ends at", "short.mp4", "footage"),
    # Names and texts
    "a format string in a prompt": _text("names nobody in the cast", [scene("a", prompt="{0.__class__}")]),
    "a format string of a cast member": _text(
        "names nobody in the cast", [scene("a", prompt="{bear.__init__.__globals__}")], cast={"bear": "a bear"}
    ),
    "a format string with an index": _text("names nobody", [scene("a", prompt="{bear[0]}")], cast={"bear": "a bear"}),
    "a format string with a width": _text("names nobody", [scene("a", prompt="{bear:>99999999}")], cast={"bear": "x"}),
    "a format string as a name": _text("cannot be a name", [scene("a")], cast={"0.__class__": "a bear"}),
    "a conversion as a name": _text("cannot be a name", [scene("a")], cast={"%s": "a bear"}),
    "an id that leads up": _text("is no id", [scene("../../x", prompt="p")]),
    "an id of NUL": _text("is no id", [scene("a\0b", prompt="p")]),
    "an id that is an option": _text("is no id", [scene("--out", prompt="p")]),
    "a profile that leads up": _text("cannot be the name", [scene("a")], profiles={"../x": {"engine": "animatic"}}),
    "an engine that is a module": _text("unknown engine", [scene("a")], engine="os.path"),
    "an engine that is a path": _text("unknown engine", [scene("a")], engine="../evil"),
    "an engine of the inside": _text("unknown engine", [scene("a")], engine="archive"),
    "a dunder of an engine": _engine("unknown field", name="animatic", __class__="x"),
    "a caption of 60,000 characters": _text("more than 500", [scene("a", caption="x" * 60_000)]),
    # Weights
    "a model without a commit": _engine("add `revision`", name="wan", model="org/name"),
    "a model at a branch": _engine("is no commit", name="wan", model="org/name", revision="main"),
    "a model at a short commit": _engine("is no commit", name="wan", model="org/name", revision="abcdef0"),
    "a model with a path": _engine("is no model of the hub", name="wan", model="../../etc", revision="0" * 40),
    "a model with an address": _engine("is no model", name="ltx", model="https://evil/x", revision="0" * 40),
    "a model of three parts": _engine("is no model", name="ltx", model="a/b/c", revision="0" * 40),
    "a model to be fetched": _engine("may not be fetched", name="ltx", download=True, **HUB),
    "a LoRA to be fetched": _engine(
        "may not be fetched", name="ltx", download=True, loras=[{"repo": "evil/lora", "revision": "0" * 40}], **HUB
    ),
    "a model in nobody's home": _engine("no possible path", name="wan", model="~nobody-of-that-name/x"),
    "a model of 5,000 characters": _engine("no possible path", name="framepack", model="x" * 5_000),
    "a LoRA in nobody's home": _engine("no possible path", name="ltx", loras=[{"file": "~nobody-x/a.pt"}], **HUB),
    "remote code": _engine("unknown field `trust_remote_code`", name="wan", trust_remote_code=True, **HUB),
    "a pipeline of theirs": _engine("unknown field `custom_pipeline`", name="wan", custom_pipeline="evil", **HUB),
    "pickled weights": _engine("as others can run code", name="modelscope", model="pickled"),
    "a pickled LoRA": _engine("others can run code", name="ltx", loras=[{"file": "evil.pt"}], **HUB),
    "a pickled checkpoint": _engine("others can run code", name="ltx", checkpoint={"file": "evil.bin"}, **HUB),
    "a pickled file of the hub": _engine(
        "others can run code", name="ltx", loras=[{"repo": "a/b", "revision": "0" * 40, "name": "x.ckpt"}], **HUB
    ),
    "a configuration without end": _engine("cannot read", name="modelscope", model="endless"),
    "a configuration that is a pipe": _engine("cannot read", name="modelscope", model="piped"),
    "a configuration that is deep": _engine("cannot read|nested", name="modelscope", model="deep"),
    "a device that is a path": _engine("is no device", name="pocket", device="../x"),
    # Too much
    "a film of a day": _text("are allowed", [scene("a", "86400s")], format={"width": 96, "height": 54, "rate": 240}),
    "longer than a day": _text("longer than a day", [scene("a", "86401s")]),
    "a duration of 10^300": _text("no time", [scene("a", "9" * 300)]),
    "2,000 hours": _text("are allowed", [scene(f"s{n}", "86400s") for n in range(100)]),
    "a shot a frame": _text(
        "that are allowed", [scene("a", "3000s")], engine={"name": "animatic", "window": 17, "tail": 16}
    ),
    "a picture of 8192x8192": _text("are allowed", [scene("a")], format={"width": 8192, "height": 8192, "rate": 8}),
    "a picture of 10^9": _text("at most 8192", [scene("a")], format={"width": 10**9, "height": 10**9}),
    "an engine's picture of 10^9": _engine("are allowed", name="animatic", width=10**9, height=10**9),
    "a rate of 10^9": _text("outside 1 to 240", [scene("a")], format={"rate": 10**9}),
    "a rate of nothing": _text("outside 1 to|is no rate", [scene("a")], format={"rate": "1/0"}),
    "a rate of an engine": _engine("outside 1 to|is no rate", name="animatic", rate="1/999999999"),
    "a tail of 10^9": _engine("does not take", name="animatic", tail=10**9),
    "a window of 10^9": _engine("cannot render|at most", name="animatic", window=10**9),
    "a seed of 10^18 digits": _text("at most", [scene("a")], seed=2**63),
    "17,000 beats": _text(
        "same frame|not after|but the scene ends",
        [scene("a", "9f", prompt="p", beats=[{"at": "8f", "prompt": "x"}] * 17_000)],
    ),
}
"""What one scene says, or the film around it."""


FINE: Final = {
    "percent signs": _text(None, [scene("a", prompt="%s %d %n %(x)s 100%")], title="%s%n", cast={"bear": "%s {0}"}),
    "markup": _text(
        None,
        [scene("a", prompt="<script>document.title='owned'</script>", caption="<img src=x onerror=alert(1)>")],
        title="</title><script>alert(1)</script>",
    ),
    "bidi and joiners": _text(None, [scene("a", prompt=f"{BIDI}evil\u2066 \u200b\u200d")], title=f"{BIDI}abc"),
    "a shell": _text(None, [scene("a", prompt="$(touch owned) `touch owned` ; touch owned | touch owned")]),
    "words of ffmpeg": _text(
        None,
        [scene("a", caption="{\\an8}drawtext=textfile=/etc/passwd,movie=x:subtitles='x'", prompt="-i /etc/passwd")],
    ),
    "metadata of ffmpeg": _text(None, [scene("a")], title="x\n[CHAPTER]\nTIMEBASE=1/1\n;FFMETADATA1\n=\\#"),
    "a mark of byte order": Hostile("\ufeff" + FILM + SCENE, None),
    "a film of one frame": _text(None, [scene("a", "1f")]),
    "cards alone": _text(None, [scene("a", card={"text": "\u202e" + "W" * 3_000})]),
    "the highest rate": _text(None, [scene("a", "3f")], format={"width": 16, "height": 16, "rate": 240}),
    "the lowest rate": _text(None, [scene("a", "1s")], format={"width": 16, "height": 16, "rate": 1}),
}
"""Films like any other, which must be rendered: what is in them means nothing to anybody."""


# The files beside them


def make_assets(folder: Path) -> None:
    """Everything that `SCENES` names, in `folder`; `outside/secret.png` beside it must never be read."""
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "secret.png").write_text("a secret")
    (folder / "assets").mkdir()
    links = {"link.png": outside / "secret.png", "folder": outside, "loop.png": folder / "loop.png"}
    for name, target in {**links, "zero.png": Path("/dev/zero")}.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.png")
    (folder / "bomb.png").write_bytes(png_bomb(30_000, 30_000))
    (folder / "bomb.tiff").write_bytes(tiff_bomb(60_000))
    for name, content in _texts(outside):
        (folder / name).write_bytes(content)
    movie_bomb(folder / "bomb.mov", (16_000, 12_000), (16_000, 12_000))
    movie_bomb(folder / "inside.mov", (64, 64), (16_000, 12_000))
    make_models(folder)


def _texts(outside: Path) -> Iterator[tuple[str, bytes]]:
    secret = outside / "secret.png"
    yield "text.png", b"no picture"
    yield "script.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n"
    yield "vector.png", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    yield "hls.mp4", f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode()
    yield "concat.mp4", f"ffconcat version 1.0\nfile '{secret}'\n".encode()
    yield "session.mp4", b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n"
    yield "dash.mp4", b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>"
    alias = f"file://{secret}".encode()
    url = struct.pack(">I4sI", 12 + len(alias), b"url ", 0) + alias
    yield (
        "refers.mp4",
        struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4s", 8 + len(url), b"moov") + url,
    )
    yield (
        "claims.wav",
        b"RIFF\xff\xff\xff\x7fWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 2, 48000, 192000, 4, 16) + b"data",
    )
    yield "short.mp4", struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4s", 16, b"mdat") + bytes(8)


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few KB that says it has so many pixels of one colour."""
    rows = zlib.compressobj(9)
    pixels = b"".join(rows.compress(bytes(1 << 20)) for _ in range(64)) + rows.flush()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def tiff_bomb(side: int) -> bytes:
    """A TIFF of 150 bytes that says it has `side` pixels each way."""
    tags = [
        (256, 4, side),
        (257, 4, side),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (278, 4, side),
        (279, 4, 1),
    ]
    table = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + table + bytes(4)


def movie_bomb(path: Path, said: tuple[int, int], real: tuple[int, int]) -> None:
    """A movie of some 60 KB that says one size, and whose only picture has another."""
    import av

    with av.open(str(path), "w", format="mov") as container:
        stream = container.add_stream("png", rate=8)
        stream.width, stream.height, stream.pix_fmt = *said, "rgb24"
        packet = av.Packet(png_bomb(*real))
        packet.stream, packet.pts, packet.dts, packet.duration = stream, 0, 0, 8
        packet.time_base, packet.is_keyframe = Fraction(1, 8), True
        container.mux(packet)


def make_models(folder: Path) -> None:
    """Folders that look like models: weights that are pickles, configurations without an end."""
    for name in ("evil.pt", "evil.bin"):
        (folder / name).write_bytes(pickle.dumps(Owned()))
    for name in ("pickled", "endless", "piped", "deep"):
        for part, kind in (
            ("unet", "UNet3DConditionModel"),
            ("vae", "AutoencoderKL"),
            ("text_encoder", "CLIPTextModel"),
        ):
            (folder / name / part).mkdir(parents=True)
            config = {"_class_name": kind, "architectures": [kind]}
            (folder / name / part / "config.json").write_text(json.dumps(config))
            (folder / name / part / "diffusion_pytorch_model.bin").write_bytes(pickle.dumps(Owned()))
    for name in ("endless", "piped", "deep"):
        (folder / name / "vae" / "config.json").unlink()
    (folder / "endless" / "vae" / "config.json").symlink_to("/dev/zero")
    os.mkfifo(folder / "piped" / "vae" / "config.json")
    (folder / "deep" / "vae" / "config.json").write_text("[" * 200_000)


class Owned:
    """Unpickled, it runs a command."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch owned",)
