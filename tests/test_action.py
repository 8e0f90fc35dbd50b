"""The steps of the action, of the hook and of our own workflow, run by bash as GitHub runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.films import scene, screenplay, storyboard, text_of

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8"))
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
GH = """#!/bin/bash
printf '%s\\n' "$*" >> "$GH_LOG"
case "$*" in
  *--jq*) echo "$GH_FOUND" ;;
  *) exit "${GH_CODE:-0}" ;;
esac
"""
"""Stands for GitHub's own command: notes what it is asked, and answers with the comments that `GH_FOUND` says."""


class Runner:
    """A checked-out repository of one film, and what a runner has."""

    def __init__(self, folder: Path) -> None:
        self.repository, self.temp, self.bin = folder / "repository", folder / "temp", folder / "bin"
        for each in (self.repository, self.temp, self.bin):
            each.mkdir()
        (self.bin / "storyboard").write_text(f'#!/bin/bash\nexec "{sys.executable}" -m storyboard "$@"\n')
        (self.bin / "gh").write_text(GH)
        for each in self.bin.iterdir():
            each.chmod(0o755)
        self.film = self.repository / "film.yaml"
        self.summary, self.log = folder / "summary.md", folder / "gh.log"
        self.inputs = {name: str(said.get("default", "")) for name, said in ACTION["inputs"].items()}
        self.inputs |= {"films": "film.yaml", "since": ""}
        self.around: dict[str, str] = {"GH_FOUND": ""}

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"]
        done = subprocess.run(["git", *who, *words], cwd=self.repository, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self) -> str:
        if not (self.repository / ".git").exists():
            self.git("init", "--quiet")
        self.git("add", "film.yaml", "film.lock") if (self.repository / "film.lock").exists() else self.git("add", ".")
        self.git("commit", "--quiet", "-m", "film")
        return self.git("rev-parse", "HEAD")

    def step(self, name: str, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run one step of the action, with what its `env` says."""
        step = next(step for step in ACTION["runs"]["steps"] if step["name"] == name)
        return self.run(step, check)

    def run(self, step: dict[str, Any], check: int | None = 0) -> subprocess.CompletedProcess[str]:
        said = {name: self.filled(str(value)) for name, value in step.get("env", {}).items()}
        around = os.environ | self.around | said
        around |= {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]]),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.temp / "output"),
            "GITHUB_REPOSITORY": "somebody/film",
            "GH_LOG": str(self.log),
        }
        done = subprocess.run(
            [*BASH, "-c", step["run"]], cwd=self.repository, env=around, capture_output=True, text=True, timeout=600
        )
        assert check is None or done.returncode == check, (done.returncode, done.stdout, done.stderr)
        return done

    def filled(self, text: str) -> str:
        known = {f"inputs.{name}": value for name, value in self.inputs.items()}
        known["github.event.pull_request.number"] = "12"
        return re.sub(r"\$\{\{ *(.*?) *\}\}", lambda match: known[match[1]], text)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """With a film of two scenes."""
    made = Runner(tmp_path)
    made.film.write_text(text_of(screenplay([scene("a", 2), scene("b", 2)])))
    return made


def test_nothing_that_somebody_writes_becomes_part_of_a_script() -> None:
    steps = [*ACTION["runs"]["steps"], *(step for job in WORKFLOW["jobs"].values() for step in job["steps"])]
    scripts = [step["run"] for step in steps if "run" in step]
    assert len(scripts) >= 8 and not [script for script in scripts if "${{" in script]
    for script in scripts:
        subprocess.run([*BASH, "-n", "-c", script], check=True)
    assert {step["shell"] for step in ACTION["runs"]["steps"] if "run" in step} == {"bash"}


def test_every_input_is_used_and_every_expression_is_known() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"inputs\.([a-z-]+)", text))
    assert used == ACTION["inputs"].keys()


def test_faults_are_annotations_at_file_and_line(runner: Runner) -> None:
    assert "::" not in runner.step("Check").stdout
    runner.film.write_text(text_of(screenplay([scene("a"), scene("b", continues="c: 100%,\n")])))
    done = runner.step("Check", check=2)
    line = next(line for line in done.stdout.splitlines() if line.startswith("::error "))
    assert line.startswith(
        "::error file=film.yaml,line=13,col=14,title=storyboard::there is no scene `c: 100%25,\\x0a`"
    )
    assert "%0Ahint: " in line and "film.yaml:13:14: there is no scene" in done.stderr
    runner.film.write_text(text_of(screenplay([scene("a")], engine="alone", negative="people")))
    assert "::notice file=film.yaml,line=" in runner.step("Check").stdout


def test_several_films_are_checked_at_once_by_action_and_hook(runner: Runner) -> None:
    (runner.repository / "wrong.yaml").write_text("scenes: []\n")
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert re.search(hook["files"], "films/film.yaml") and not re.search(hook["files"], "docker-compose.yaml")
    done = runner.run({"run": f"{hook['entry']} film.yaml wrong.yaml"}, check=2)
    assert "film.yaml: 2 scenes" in done.stdout and "wrong.yaml:1:9" in done.stderr
    runner.inputs["films"] = "*.yaml"
    assert "::error file=wrong.yaml,line=1" in runner.step("Check", check=2).stdout


def test_the_plan_since_the_base_goes_to_the_summary_and_to_one_comment(runner: Runner) -> None:
    runner.inputs["since"] = runner.commit()
    runner.film.write_text(text_of(screenplay([scene("a", 2), scene("b", 2, prompt="Another.")])))
    (runner.repository / "new.yaml").write_text(text_of(screenplay([scene("n")])))
    runner.inputs["films"] = "film.yaml new.yaml"
    runner.step("Plan")
    said = runner.summary.read_text()
    assert (
        said.startswith("<!-- storyboard plan -->") and '"Another."' in said and "`b/1`" in said and "new.yaml" in said
    )
    body = f"--field body=@{runner.temp}/storyboard-plan.md --silent"
    runner.step("Comment")
    runner.around["GH_FOUND"] = "77\n78"
    runner.step("Comment")
    asked = [line for line in runner.log.read_text().splitlines() if "--jq" not in line]
    at = "repos/somebody/film/issues"
    assert asked == [f"api {at}/12/comments {body}", f"api --method PATCH {at}/comments/77 {body}"]
    runner.around["GH_CODE"] = "1"
    assert "::notice" in runner.step("Comment").stdout, "a stranger's pull request may not comment, and goes on"


def test_a_base_that_was_not_checked_out_is_fetched(runner: Runner, tmp_path: Path) -> None:
    runner.inputs["since"] = runner.commit()
    runner.film.write_text(text_of(screenplay([scene("a", 2), scene("b", 2, prompt="Another.")])))
    runner.commit()
    shallow = tmp_path / "shallow"
    runner.git("config", "uploadpack.allowAnySHA1InWant", "true")
    runner.git("clone", "--quiet", "--depth=1", runner.repository.as_uri(), str(shallow))
    runner.repository = shallow
    runner.step("Plan")
    assert '"Another."' in runner.summary.read_text()


@pytest.mark.long
def test_the_film_is_made_from_lock_and_remote_and_its_dailies_are_kept(runner: Runner) -> None:
    storyboard("render", runner.film)
    remote = runner.temp / "remote"
    storyboard("vault", "push", remote, runner.film, cwd=runner.repository)
    runner.commit()
    shutil.rmtree(runner.repository / "renders")
    runner.inputs["remote"] = str(remote)
    assert "shooting" not in runner.step("Render").stderr
    runner.step("Dailies")
    kept = runner.temp / "storyboard" / "film"
    assert {path.name for path in kept.iterdir()} == {"film.mp4", "dailies.html", "contact-sheet.png", "junit.xml"}
    runner.inputs["max-seam"] = "0.001"
    runner.step("Dailies", check=1)
    assert (kept / "junit.xml").read_text().count("<failure") == 1
    runner.film.write_text(text_of(screenplay([scene("a", 2), scene("b", 2, prompt="Another.")])))
    assert "another film than its lock" in runner.step("Render", check=1).stderr
    runner.inputs["render"] = "shoot"
    assert "shooting" in runner.step("Render").stderr


@pytest.mark.long
def test_our_own_workflow_makes_films_of_all_examples(runner: Runner) -> None:
    shutil.copytree(ROOT / "examples", runner.repository / "examples")
    films = next(step for step in WORKFLOW["jobs"]["films"]["steps"] if step.get("id") == "films")
    runner.run(films)
    name, _, listed = (runner.temp / "output").read_text().strip().partition("=")
    asked = next(step["with"] for step in WORKFLOW["jobs"]["films"]["steps"] if step.get("uses") == "./")
    assert name == "films" and asked == {"films": "${{ steps.films.outputs.films }}", "render": "shoot"}
    runner.inputs |= {"films": listed, "render": "shoot"}
    for step in ("Check", "Plan", "Render", "Dailies"):
        runner.step(step)
    made = {path.stem for path in (runner.temp / "storyboard").rglob("*.mp4")}
    need_weights = {"guide", "great-wall", "space-man"}
    assert made == {path.stem for path in (ROOT / "examples").glob("*.yaml")} - need_weights


def test_what_the_other_job_runs_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    scripts = [step["run"] for step in WORKFLOW["jobs"]["tests"]["steps"] if "run" in step]
    assert scripts and {script.removeprefix("make ") for script in scripts} <= targets
