"""A headless Chromium for tests of pages, driven by its DevTools protocol over pipes."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.can_run import needs

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SECONDS = 60
# Chromium reads commands from the first of its own and writes answers to the second.
_READS, _WRITES = 3, 4


class Browser:
    """One tab: `errors` are the messages of exceptions, of the console's errors and refusals."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._left = b""
        self._number = 0
        self._session: str | None = None
        self._loaded = False
        self.errors: list[str] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict:
        """Return the result of a command of the protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        content = memoryview(json.dumps(message).encode() + b"\0")
        while content:
            content = content[os.write(self._commands, content) :]
        end = time.monotonic() + SECONDS
        while True:
            answer = self._next(end)
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._note(answer)

    def open(self, page: Path, fragment: str = "") -> None:
        """Open the file `page` and wait until it says that it is ready."""
        # From a blank page, so that another fragment of the same page loads it anew.
        for url in ("about:blank", f"{page.resolve().as_uri()}{fragment}"):
            self._loaded = False
            self.ask("Page.navigate", url=url)
            end = time.monotonic() + SECONDS
            while not self._loaded:
                self._note(self._next(end))
        self.wait("document.documentElement.dataset.state === 'ready'")

    def run(self, code: str) -> Any:
        """Return the value of the expression `code`, or of its promise."""
        # As if the user had clicked: only then may a page play sound.
        found = self.ask(
            "Runtime.evaluate",
            expression=code,
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until the expression `condition` is true."""
        end = time.monotonic() + SECONDS
        while not self.run(condition):
            assert time.monotonic() < end, f"{condition} is not true; errors: {self.errors}"
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press a key that has a name, such as ArrowDown."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            code = {"Enter": 13, "ArrowDown": 40, "ArrowRight": 39, "End": 35}[key]
            self.ask(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                windowsVirtualKeyCode=code,
                **text,
            )

    def click(self, x: float, y: float) -> None:
        """Click at a place in the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def window(self, width: int, height: int, dark: bool = False) -> None:
        """Set the size of the window in CSS pixels, and whether the user prefers dark pages."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=scheme)

    def picture(self, path: Path, whole: bool = False) -> None:
        """Write what the window shows, or the `whole` page, as a PNG."""
        found = self.ask("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def _next(self, end: float) -> dict:
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._answers], [], [], max(0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            content = os.read(self._answers, 1 << 20)
            assert content, "the browser has ended"
            self._left += content
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict) -> None:
        params = event.get("params", {})
        self._loaded |= event["method"] == "Page.loadEventFired"
        if event["method"] == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif event["method"] == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.errors.append(str(params["args"]))
        elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])


@contextmanager
def browser(folder: Path):
    """Yield a Browser whose profile is in `folder`; skip the test where there is no Chromium."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    needs(program is not None, "there is no Chromium (Debian's package chromium)")
    reads, commands = os.pipe()
    answers, writes = os.pipe()

    def own_pipes() -> None:
        # Above the numbers that Chromium reads, so that neither is closed by the other.
        high_reads, high_writes = (
            os.dup2(pipe, 100 + place) for place, pipe in enumerate((reads, writes))
        )
        os.dup2(high_reads, _READS)
        os.dup2(high_writes, _WRITES)

    started = subprocess.Popen(
        [
            program,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--mute-audio",
            "--no-first-run",
            "--remote-debugging-pipe",
            f"--user-data-dir={folder / 'profile'}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=False,
        preexec_fn=own_pipes,
    )
    os.close(reads)
    os.close(writes)
    try:
        yield Browser(commands, answers)
    finally:
        os.close(commands)
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        os.close(answers)
