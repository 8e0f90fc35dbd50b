"""What we run of others: no code in weights, none from a hub, fixed commits, fixed packages, and their licences."""

from __future__ import annotations

import ast
import json
import os
import pickle
import re
import shutil
import struct
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from storyboard.engines import is_built_in, known, spec_of
from storyboard.engines.files import Checkpoint, Lora
from storyboard.engines.framepack_options import FramepackOptions
from storyboard.engines.options import OpenOptions
from storyboard.errors import ShotError
from tests.licences import PATH, ROOT, rows
from tests.tally import tally

PACKAGE = ROOT / "storyboard"
COMMIT = re.compile(r"[0-9a-f]{40}")
UNPICKLERS = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
RUNNERS = {"eval", "exec", "compile", "__import__", "input"}
LOADERS = {("torch", "load"), ("torch", "hub"), ("yaml", "load"), ("yaml", "unsafe_load"), ("yaml", "full_load")}
SHELLS = {("os", "system"), ("os", "popen"), ("subprocess", "getoutput"), ("subprocess", "getstatusoutput")}
LETTING_IN = {
    "shell": True,
    "trust_remote_code": True,
    "allow_pickle": True,
    "use_safetensors": False,
    "weights_only": False,
}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def nodes(kind: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, kind):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def risks(tree: ast.AST) -> list[str]:
    """What in a piece of code could run what somebody else wrote."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [name for name in names if name.split(".")[0] in UNPICKLERS]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RUNNERS:
            found.append(node.func.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            called = (node.value.id, node.attr)
            found += [".".join(called)] if called in LOADERS | SHELLS else []
        elif isinstance(node, ast.keyword):
            value = node.value.value if isinstance(node.value, ast.Constant) else ...
            refused = node.arg in LETTING_IN and value in (LETTING_IN[node.arg], ...)
            found += [str(node.arg)] if refused or node.arg == "custom_pipeline" else []
    return found


def test_nothing_in_the_package_runs_what_others_wrote() -> None:
    found = {path: found for path, tree in trees() if (found := risks(tree))}
    # What turns published pickles into safetensors is a command of its own, and reads nothing but tensors.
    assert {path.name: risky for path, risky in found.items()} == {"convert.py": ["torch.load"]}
    (converting,) = (path.read_text(encoding="utf-8") for path in found)
    assert converting.count("torch.load(") == converting.count("weights_only=True, ") == 1


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from dill import loads",
        "eval('1')",
        "exec(text)",
        "torch.load(path)",
        "yaml.load(text, yaml.Loader)",
        "os.system('ls')",
        "run(words, shell=True)",
        "kind.from_pretrained(x, trust_remote_code=True)",
        "kind.from_pretrained(x, trust_remote_code=asked)",
        "kind.from_pretrained(x, custom_pipeline='org/name')",
        "kind.from_pretrained(x, use_safetensors=False)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_that_search_finds_what_it_looks_for(code: str) -> None:
    assert risks(ast.parse(code))


def test_models_are_loaded_from_safetensors_only() -> None:
    """Without the word, a folder that has only pickles is silently loaded from these."""
    count = 0
    for place, node in nodes(ast.Call):
        assert isinstance(node, ast.Call)
        loads = [part for part in (node.func, *node.args) if isinstance(part, ast.Attribute)]
        for part in loads:
            if part.attr != "from_pretrained" or re.search("Processor|Tokenizer", ast.unparse(part.value)):
                continue
            said = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert said.get("use_safetensors") == "True", place
            count += 1
    assert count >= 2


def test_what_is_fetched_is_fetched_at_a_commit() -> None:
    count = 0
    for place, node in nodes(ast.Call):
        assert isinstance(node, ast.Call)
        if ast.unparse(node.func).rpartition(".")[2] in (
            "hf_hub_download",
            "snapshot_download",
            "try_to_load_from_cache",
        ):
            assert "revision" in {keyword.arg for keyword in node.keywords}, place
            count += 1
    assert count >= 3


def test_every_model_that_we_name_is_named_with_its_commit() -> None:
    count = 0
    for name in filter(is_built_in, known()):
        kind = spec_of(name).options
        for commit in getattr(kind, "pinned", {}).values():
            assert COMMIT.fullmatch(commit), name
            count += 1
    for weights, _ in FramepackOptions().all_weights:
        assert weights.revision and COMMIT.fullmatch(weights.revision)
    assert count >= 3
    assert issubclass(FramepackOptions, OpenOptions)


def test_files_of_weights_are_of_kinds_that_hold_no_code() -> None:
    assert (Lora.suffixes, Checkpoint.suffixes) == ((".safetensors",), (".safetensors", ".gguf"))


# Weights that are not what they say


class Owned:
    """Unpickled, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.path),)


def bad_weights(owned: Path) -> dict[str, bytes]:
    """What may stand in a file with the name of safetensors."""
    far = json.dumps({"x": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4 << 40]}}).encode()
    over = json.dumps({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 1 << 63]}}).encode()
    deep = b"[" * 100_000
    return {
        "a pickle": pickle.dumps(Owned(owned)),
        "a header of 2^62 bytes": struct.pack("<Q", 1 << 62) + b"{}",
        "a header of 99 MB that is not there": struct.pack("<Q", 99_000_000) + b"{",
        "a tensor of 4 TB": struct.pack("<Q", len(far)) + far,
        "offsets beyond the end": struct.pack("<Q", len(over)) + over,
        "a header that is deep": struct.pack("<Q", len(deep)) + deep,
        "nothing": b"",
    }


@pytest.mark.long
def test_bad_weights_run_nothing_and_are_told_plainly(tmp_path: Path) -> None:
    from tests.test_loading import SPEC, open_engine, options, shot
    from tests.tiny import tiny_ltx

    model = tiny_ltx(tmp_path / "tiny")
    whole = (model / "transformer" / "diffusion_pytorch_model.safetensors").read_bytes()
    engine, owned = open_engine(model), tmp_path / "owned"
    plain = shot(engine)
    bad = bad_weights(owned)
    tally("bad inputs", 3 * len(bad) + 2)
    for number, (name, data) in enumerate(bad.items()):
        file = tmp_path / f"{number}.safetensors"
        file.write_bytes(data)
        with pytest.raises(ShotError):
            shot(engine, loras=options(model, loras=[{"file": str(file)}]).loras)
        with pytest.raises(ShotError):
            open_engine(model, checkpoint={"file": str(file)})
        broken = tmp_path / f"broken{number}"
        shutil.copytree(model, broken)
        (broken / "transformer" / "diffusion_pytorch_model.safetensors").write_bytes(data)
        with pytest.raises(ShotError):
            SPEC.open(options(broken))
        assert not owned.exists(), name
    for data in (b"GGUF" + bytes(64), b"GGUF" + struct.pack("<IQQ", 3, 1 << 62, 1 << 62)):
        (tmp_path / "bad.gguf").write_bytes(data)
        with pytest.raises(ShotError):
            open_engine(model, checkpoint={"file": str(tmp_path / "bad.gguf")})
    assert (shot(engine) == plain).all() and whole and not owned.exists()
    engine.close()


# Packages


def test_every_package_that_comes_along_has_its_licence_in_the_table() -> None:
    table = PATH.read_text().splitlines()
    assert len(rows()) > 40
    assert [row for row in rows() if row not in table] == [], "python -m tests.licences"


def locked() -> dict[str, tuple[str, set[str]]]:
    """Versions and hashes of the lock, by name."""
    found: dict[str, tuple[str, set[str]]] = {}
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    for line in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
        requirement, *hashes = line.split("--hash=sha256:")
        name, _, version = requirement.strip().partition("==")
        found[name] = (version, {each.strip() for each in hashes})
    return found


def test_the_lock_has_hashes_for_all_and_agrees_with_the_constraints() -> None:
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, _, version = line.partition("==")
            pinned[re.sub(r"[-_.]+", "-", name).lower()] = version
    lock = locked()
    assert len(lock) > 40
    for name, (version, hashes) in lock.items():
        assert version and hashes and all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes), name
        assert pinned.get(name, version) == version, name
    core = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for each in (each for each in map(Requirement, core) if each.name != "torch"):
        name = re.sub(r"[-_.]+", "-", each.name).lower()
        assert name in lock and each.specifier.contains(lock[name][0]), name


def test_the_lock_names_no_place_to_fetch_from() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text and "--index" not in text and "--find-links" not in text
