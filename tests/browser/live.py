"""A notebook open in JupyterLab, and what its kernel says to the browser.

An error in a widget's callback belongs to no cell: JupyterLab shows it in its log console alone. But the kernel sends
it as a message as any other, so the messages themselves are read, as they pass through the page's socket.
"""

import json
import re
import struct
from dataclasses import dataclass, field
from itertools import pairwise

from playwright.sync_api import BrowserContext, Page, WebSocket


@dataclass
class Notebook:
    """Its page, the requests that the kernel has yet to answer, and everything that went wrong."""

    name: str
    page: Page
    unanswered: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    stderr: str = ""  # a traceback may come in several messages

    @property
    def faults(self) -> list[str]:
        """What went wrong so far, as far as it was told."""
        return [*self.problems, *([self.stderr] if "Traceback" in self.stderr else [])]

    def forget(self) -> None:
        """What went wrong so far was expected."""
        self.problems, self.stderr = [], ""

    def wait(self, met, seconds: float) -> bool:
        """Until ``met()`` or a problem, while the page goes on; whether either came in time."""
        for _ in range(int(seconds / 0.02)):
            if met() or self.faults:
                break
            self.page.wait_for_timeout(20)
        return bool(met() or self.faults)

    def sound(self) -> None:
        """Fail if anything went wrong."""
        outputs = self.page.locator('[data-mime-type="application/vnd.jupyter.error"]').all_text_contents()
        broken = self.page.get_by_text("Error displaying widget").all_text_contents()
        if self.faults:
            self.page.wait_for_timeout(500)  # for the rest of it
        assert not (wrong := [*self.faults, *outputs, *broken]), f"{self.name}:\n" + "\n".join(wrong)


def opened(context: BrowserContext, address: str, token: str, name: str) -> Notebook:
    """``name.ipynb`` in a JupyterLab of its own, its kernel ready."""
    notebook = Notebook(name, page := context.new_page())
    page.on("pageerror", lambda error: notebook.problems.append(f"error in the page: {error}"))
    page.on("crash", lambda: notebook.problems.append("the page crashed"))
    page.on("websocket", lambda socket: _listen(notebook, socket))
    page.goto(f"{address}lab/workspaces/{name}/tree/{name}.ipynb?token={token}")
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=180_000)
    return notebook


def run_all(notebook: Notebook) -> None:
    """As from the menu; :func:`executed` tells when it is done."""
    notebook.page.get_by_role("menuitem", name="Run", exact=True).click()
    notebook.page.get_by_text("Run All Cells", exact=True).click()


def executed(notebook: Notebook) -> bool:
    """Whether every code cell has its number."""
    prompts = notebook.page.locator(".jp-CodeCell .jp-InputArea-prompt").all_text_contents()
    return all(re.fullmatch(r"\[\d+\]:", prompt) for prompt in prompts) and not notebook.unanswered


def _listen(notebook: Notebook, socket: WebSocket) -> None:
    if "/channels" in socket.url:  # of a kernel
        socket.on("framesent", lambda frame: _sent(notebook, *_message(frame)))
        socket.on("framereceived", lambda frame: _received(notebook, *_message(frame)))
        socket.on("close", lambda _: notebook.unanswered.clear())


def _message(frame: bytes | str) -> tuple[str, dict, dict, dict]:
    """Channel, header, parent's header and content, in either of Jupyter's two forms (binary: v1.kernel.websocket)."""
    if isinstance(frame, str):
        message = json.loads(frame)
        return message["channel"], message["header"], message["parent_header"], message["content"]
    (count,) = struct.unpack_from("<Q", frame)
    bounds = struct.unpack_from(f"<{count}Q", frame, 8)
    channel, header, parent, _, content, *_ = (frame[start:end] for start, end in pairwise(bounds))
    return channel.decode(), *(json.loads(part) for part in (header, parent, content))


def _sent(notebook: Notebook, channel: str, header: dict, parent: dict, content: dict) -> None:
    if channel == "shell":
        notebook.unanswered.add(header["msg_id"])


def _received(notebook: Notebook, channel: str, header: dict, parent: dict, content: dict) -> None:
    kind = header["msg_type"]
    if kind == "status" and content["execution_state"] == "idle":
        notebook.unanswered.discard(parent.get("msg_id"))
    elif kind == "error":
        notebook.problems.append(_plain("\n".join(content["traceback"])))
    elif kind == "stream" and content["name"] == "stderr":
        notebook.stderr += _plain(content["text"])


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)
