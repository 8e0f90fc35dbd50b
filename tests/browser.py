"""A page in headless Chromium, as people see it: driven over a pipe by the DevTools protocol, with nothing between."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60
"""Seconds until a browser that says nothing is given up."""


def browser() -> str | None:
    """The browser of this machine; None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One page. What it logs as an error, and every exception in it, is in `errors`."""

    def __init__(self, commands: int, answers: int) -> None:
        self.errors: list[str] = []
        self.loaded = False
        self._commands, self._answers = commands, answers
        self._number, self._buffer = 0, b""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    _session: str | None = None

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """One command and its result."""
        self._number += 1
        command: dict[str, object] = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            word = self._hear()
            if word.get("id") == self._number:
                assert "error" not in word, (method, word["error"])
                return dict(word["result"])

    def open(self, path: Path, width: int, height: int) -> float:
        """Open a file at that size; the seconds until it is loaded."""
        self.resize(width, height)
        self.loaded = False
        begun = time.perf_counter()
        self.ask("Page.navigate", url=path.as_uri())
        while not self.loaded:
            self._hear()
        return time.perf_counter() - begun

    def resize(self, width: int, height: int, scale: int = 1) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", **size)

    def dress(self, scheme: str) -> None:
        """`light` or `dark`."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; of a promise, what it comes to."""
        done = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression holds."""
        end = time.monotonic() + PATIENCE
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"never: {expression}"
            time.sleep(0.02)

    def press(self, key: str) -> None:
        text = {"text": key} if len(key) == 1 else {}
        code = {" ": "Space"}.get(key, key)
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, code=code, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, code=code)

    def picture(self, *, whole: bool = False) -> bytes:
        """What is seen, or all of the page, as PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def _hear(self) -> dict[str, Any]:
        """The next word from the browser, noted where it is about the page."""
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], PATIENCE)
            assert ready, "the browser says nothing"
            data = os.read(self._answers, 1 << 20)
            assert data, "the browser is gone"
            self._buffer += data
        said, _, self._buffer = self._buffer.partition(b"\0")
        word: dict[str, Any] = json.loads(said)
        match word.get("method"), word.get("params"):
            case "Page.loadEventFired", _:
                self.loaded = True
            case "Runtime.exceptionThrown", params:
                self.errors.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled", {"type": "error" | "warning" | "assert"} as params:
                self.errors.append(str(params["args"]))
            case "Log.entryAdded", {"entry": {"level": "error" | "warning"} as entry}:
                self.errors.append(entry["text"])
        return word


@contextmanager
def open_browser(profile: Path) -> Iterator[Page]:
    """A browser with a new profile in that folder, which is closed in the end. Nothing that it loads may be remote."""
    binary = browser()
    assert binary
    read_commands, commands = os.pipe()
    answers, write_answers = os.pipe()
    options = ["--headless", "--no-sandbox", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    options += ["--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", "--hide-scrollbars", "about:blank"]

    # The pipes are descriptors 3 and 4 in the browser, so they have to be moved there between fork and exec.
    mover = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
    process = subprocess.Popen(
        ["bash", "-c", mover, "bash", str(read_commands), str(write_answers), binary, *options],
        pass_fds=(read_commands, write_answers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for descriptor in (read_commands, write_answers):
        os.close(descriptor)
    try:
        yield Page(commands, answers)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)
        for descriptor in (commands, answers):
            os.close(descriptor)
