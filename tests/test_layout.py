"""The layout of the design: who may import whom, what is heavy where, how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.films import scene, screenplay, storyboard, text_of

PACKAGE = Path(__file__).parent.parent / "storyboard"
ROWS = [
    "errors",
    "limits",
    "regular",
    "excerpt",
    "timing",
    "digest",
    "durable",
    "source",
    "lettering",
    "sound",
    "footage",
    "audio",
    "scopes",
    "grade",
    "wording",
    "assets",
    "fields",
    "scene",
    "cards",
    "checks",
    "screenplay",
    "rewrite",
    "pick",
    "engines.words",
    "engines.base",
    "engines",
    "engines.choice",
    "engines.describe",
    "engines.strip",
    "engines.board",
    "engines.animatic",
    "engines.roll",
    "engines.card",
    "engines.archive",
    "engines.weights",
    "engines.files",
    "engines.translation",
    "engines.options",
    "engines.checking",
    "engines.arithmetic",
    "engines.memory",
    "engines.loading",
    "engines.texts",
    "engines.loras",
    "engines.replacement",
    "engines.resident",
    "engines.batches",
    "engines.schedules",
    "engines.ltx_layout",
    "engines.ltx",
    "engines.ltx2_layout",
    "engines.ltx2_options",
    "engines.ltx2",
    "engines.pocket",
    "engines.modelscope",
    "engines.wan_layout",
    "engines.wan_given",
    "engines.wan_text",
    "engines.wan",
    "engines.cogvideox_layout",
    "engines.cogvideox",
    "engines.framepack_options",
    "engines.framepack",
    "engines.easyanimate_given",
    "engines.easyanimate",
    "engines.pyramid.parts",
    "engines.pyramid.scheduler",
    "engines.pyramid.loop",
    "engines.pyramid.tiles",
    "engines.pyramid.vae_blocks",
    "engines.pyramid.vae",
    "engines.pyramid.frames",
    "engines.pyramid.attention",
    "engines.pyramid.transformer",
    "engines.pyramid.flux",
    "engines.pyramid.mmdit",
    "engines.pyramid.words",
    "engines.pyramid.pipeline",
    "engines.pyramid.layout",
    "engines.pyramid.options",
    "engines.pyramid.convert",
    "engines.pyramid.loading",
    "engines.pyramid.engine",
    "engines.pyramid",
    "shots",
    "spans",
    "laying",
    "conditioning",
    "bounds",
    "casting",
    "chains",
    "credits",
    "breakdown",
    "profiles",
    "testing",
    "slate",
    "lock",
    "project",
    "vault_layout",
    "vault_locks",
    "vault_care",
    "vault",
    "attempts",
    "remote_shelves",
    "remote",
    "pins",
    "splice",
    "fresh",
    "events",
    "contrast",
    "alterations",
    "reasons",
    "past",
    "plan",
    "production",
    "price",
    "callsheet",
    "forecast",
    "demand",
    "crew",
    "crew_worker",
    "crew_ray",
    "render",
    "cut",
    "captions",
    "soundtrack",
    "loudness",
    "mixing",
    "provenance",
    "boxes",
    "muxing",
    "encoding",
    "conform_pieces",
    "ahead",
    "conform",
    "blame",
    "scopes_flow",
    "scopes_film",
    "joins",
    "opening",
    "finish",
    "film",
    "otio",
    "masters",
    "export",
    "recut",
    "why",
    "since",
    "sheet",
    "reel",
    "dailies",
    "junit",
    "dailies_pictures",
    "dailies_plots",
    "dailies_page",
    "takes",
    "watch",
    "api",
    "telling",
    "telling_plan",
    "report",
    "annotations",
    "commands",
    "commands.choice",
    "commands.exchange",
    "commands.facts",
    "commands.film",
    "commands.looking",
    "commands.store",
    "commands.watching",
    "cli",
    "__main__",
    "",
]
HEAVY = {"torch", "diffusers", "transformers", "moviepy", "ray", "networkx"}


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")
        found[name] = path
    return found


def imported(path: Path) -> set[str]:
    """Modules of storyboard that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    known = modules()
    inside = {name.removeprefix("storyboard").removeprefix(".") for name in names if name.split(".")[0] == "storyboard"}
    return {name for name in inside if name in known}


def test_every_module_has_its_row() -> None:
    assert sorted(modules()) == sorted(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_module_imports_only_from_rows_above_its_own(name: str) -> None:
    above = set(ROWS[: ROWS.index(name)])
    assert imported(modules()[name]) - {name} <= above


def test_no_file_is_longer_than_400_lines() -> None:
    root = PACKAGE.parent
    folders = ("storyboard", "tests", "benchmarks", "examples", "training")
    files = [path for folder in folders for path in (root / folder).rglob("*.py") if ".dvc-venv" not in path.parts]
    assert {path.name: count for path in files if (count := len(path.read_text().splitlines())) > 400} == {}


def test_no_engine_module_is_longer_than_250_lines() -> None:
    counts = {path.name: len(path.read_text().splitlines()) for path in (PACKAGE / "engines").rglob("*.py")}
    assert {name: count for name, count in counts.items() if count > 250} == {}


def test_check_plan_and_a_render_with_nothing_to_do_import_nothing_heavy(tmp_path: Path) -> None:
    film = tmp_path / "film.yaml"
    scenes = [scene("a", engine="pocket"), scene("b"), scene("c", card={"text": "End"})]
    film.write_text(text_of(screenplay(scenes, engine="animatic")))
    storyboard("render", film)
    code = (
        "import sys; from storyboard.cli import main; code = main(sys.argv[1:]);"
        f"print('HEAVY', sorted({HEAVY!r} & set(sys.modules))); sys.exit(code)"
    )
    for comment in ("", "# read and planned again\n"):
        film.write_text(film.read_text() + comment)
        for verb in (["check"], ["plan"], ["plan", "--why"], ["render"]):
            command = [sys.executable, "-c", code, *verb, str(film)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            assert done.stdout.endswith("HEAVY []\n"), (verb, done.stdout)


def test_a_render_of_a_finished_film_reads_no_screenplay(tmp_path: Path) -> None:
    film = tmp_path / "film.yaml"
    film.write_text(text_of(screenplay([scene("a"), scene("b")])))
    storyboard("render", film)
    code = "import sys; from storyboard.cli import main; main(sys.argv[1:]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "render", film], capture_output=True, text=True, check=True)
    assert "nothing to do" in done.stderr
    spared = {"pydantic", "yaml", "numpy", "av", "storyboard.plan", "storyboard.screenplay", "storyboard.engines"}
    assert spared & set(done.stdout.split()) == set()


def test_only_one_module_imports_moviepy() -> None:
    users = {name for name, path in modules().items() if "moviepy" in path.read_text() and "import" in path.read_text()}
    importing = {
        name
        for name in users
        for node in ast.walk(ast.parse(modules()[name].read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and any(
            part.startswith("moviepy") for part in [getattr(node, "module", None) or "", *(a.name for a in node.names)]
        )
    }
    assert importing == {"conform_pieces"}
