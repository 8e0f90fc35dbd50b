"""A film that can be set back to how it stood, and all that must hold of it whatever is done to its renders."""

from __future__ import annotations

import shutil
from pathlib import Path

from storyboard.cli import main
from storyboard.project import read_manifest
from storyboard.vault import Vault
from tests.films import scene, screenplay, text_of
from tests.injector import Fault, Ran, end_of, run, start

LAST = "The last."
FORMAT = {"width": 64, "height": 36, "rate": 8}
ENDS = {"KILL": {-9}, "INT": {130}, "TERM": {143}, "CHILD": {1}}
"""How a render may end that met a fault, besides well; with 1 or 2 where it is an error."""


def film_text(last: str = LAST) -> str:
    scenes = [scene("a", "4f", caption="One."), scene("b", "4f"), scene("c", "4f", prompt=last)]
    return text_of(screenplay(scenes, title="A film", format=FORMAT))


class Stage:
    """A film in a folder of its own, set back to how it stood before, as often as needed.

    `fresh`: nothing but the screenplay. `edited`: an older film, with all its files, whose last scene has new words.
    `whole`: the film itself.
    """

    def __init__(self, folder: Path, state: str) -> None:
        self.folder, self.before, self.log = folder / "film", folder / "before", folder / "log"
        self.screenplay, self.lock = self.folder / "film.yaml", self.folder / "film.lock"
        self.out, self.vault_root = self.folder / "out", self.folder / "vault"
        self.movie = self.out / "film.mp4"
        self.folder.mkdir(parents=True)
        self.words = ["render", str(self.screenplay), "--json", "--out", str(self.out)]
        self.words += ["--vault", str(self.vault_root)]
        self.screenplay.write_text(film_text())
        main(self.words)  # in this very process: what it imports, those that are forked have
        self.wanted = self.stands()
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        if state != "fresh":
            self.screenplay.write_text(film_text("Another." if state == "edited" else LAST))
            assert end_of(start(self.words, self.log), self.log).code == 0
        self.old = self.stands()
        self.screenplay.write_text(film_text())
        self.needed = {"fresh": 3, "edited": 1, "whole": 0}[state]
        self.in_flight = min(self.needed, 2)
        """Shots that a render may have begun without their takes: one in hand, and the one before it, being stored."""
        shutil.copytree(self.folder, self.before)

    @property
    def vault(self) -> Vault:
        """As one finds it who has not seen it before."""
        return Vault(self.vault_root)

    def stands(self) -> tuple[bytes | None, bytes | None]:
        """The bytes of movie and lock."""
        movie, lock = (path.read_bytes() if path.exists() else None for path in (self.movie, self.lock))
        return movie, lock

    def reset(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self.before, self.folder)

    def files(self) -> set[str]:
        """What stands there, but for the vault."""
        found = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        return {path for path in found if not path.startswith("vault/")}

    def check_whole(self, told: object) -> None:
        """At any moment: no take is damaged, movie and lock are the old or the new one."""
        assert self.vault.verify() == [], told
        for now, old, wanted in zip(self.stands(), self.old, self.wanted, strict=True):
            assert now in (old, wanted), told

    def check_next(self, begun: int, told: object, *, lost: int = 1, prune: bool = False) -> None:
        """The next render makes the film and leaves nothing lying about; all the same if somebody prunes the vault
        before. With the `begun` shots of those before it, `lost` of which were in flight when they ended or are no
        longer there, no more were shot than the film needs."""
        if prune:
            self.vault.prune(yes=True)
        ran = run(self.words, self.folder, self.log)
        assert ran.code == 0, (told, ran)
        assert self.stands() == self.wanted, told
        assert ran.begun() + begun <= self.needed + lost, (told, ran.begun(), begun)
        assert self.files() == {"film.yaml", "film.lock", "out/film.mp4", "out/manifest.json"}, (told, self.files())
        self.vault.prune(yes=True)
        vault, manifest = self.vault, read_manifest(self.out / "manifest.json")
        assert manifest and all(vault.find(shot.key) for shot in manifest.shots), (told, "it was pruned")
        assert vault.verify() == [], told

    def meet(self, fault: Fault) -> Ran:
        """Render while the fault is met, and hold the film to all that must hold."""
        self.reset()
        ran = run(self.words, self.folder, self.log, fault)
        last = ran.calls[fault.nth - 1 : fault.nth]
        told = (fault, last, ran.code, ran.said)
        ends = ENDS.get(fault.kind, {1, 2}) | {0} if ran.hits else {0}
        assert ran.code in ends and "Traceback" not in ran.said and "gave up" not in ran.said, told
        assert ran.code < 1 or ran.code > 2 or "error: " in ran.said or "failed" in ran.said, told
        if ran.code == 0:
            assert self.stands()[0] == self.wanted[0], told
        self.check_whole(told)
        self.check_next(ran.begun(), told, lost=self.in_flight, prune=fault.nth % 2 == 0)
        return ran
