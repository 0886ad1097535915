"""The modules of ``views/`` as one text each: a page from ``file://``, and a widget, may not import."""

import re
from functools import cache
from pathlib import Path

from kdviz import figures

FOLDER = Path(__file__).with_name("views")
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class))", re.MULTILINE)


@cache
def parts(name: str) -> tuple[str, ...]:
    """The modules that a module imports, directly or not, and itself at the end."""
    needed = [part for imported in IMPORT.findall(_read(name)) for part in parts(imported)]
    return tuple(dict.fromkeys([*needed, name]))


def source(name: str) -> str:
    """A module with what it imports before it."""
    return "\n".join([*map(_plain, parts(name)[:-1]), f"export default {_view(name)};\n"])


def page(names: list[str]) -> str:
    """A script for a page without a kernel: these views, once what several import, and what brings them to life."""
    shared = dict.fromkeys(part for name in ["host", *names] for part in parts(name)[:-1])
    views = (f"views.{name} = {_view(name)};" for name in names)
    return "\n".join(["(() => {", "const views = {};", *map(_plain, shared), *views, _plain("host"), "})();"])


def style() -> str:
    """The style of all views: the figures' colours, lighter on a dark page, and the style sheets of ``views/``."""
    own = {name.replace(" ", "-"): colour for name, colour in figures.COLOURS.items()}
    light = "".join(f"--{name}: {colour}; " for name, colour in own.items())
    lighter = "".join(f"--{name}: color-mix(in oklab, {colour} 72%, white); " for name, colour in own.items())
    dark = "--ink: #ececee; --quiet: #a9a9b2; --faint: #34353a; --paper: #212226; --kept: 65%; color-scheme: dark; "
    dark += "--flip: invert(0.92); --edge: #d9d9dd; "
    dark += f"--below: #60a5e6; --zero: #212226; --above: #eb6e5f; {lighter}"
    sheets = [FOLDER / "style.css", *sorted(set(FOLDER.glob("*.css")) - {FOLDER / "style.css"})]
    text = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    return f".kdviz {{ {light}}}\n" + text.replace("DARK", dark)


def _view(name: str) -> str:
    """What a view's module exports, its own names kept to itself."""
    return f"(() => {{\n{_plain(name).replace('export default', 'return')}\n}})()"


def _read(name: str) -> str:
    return (FOLDER / f"{name}.js").read_text(encoding="utf-8")


def _plain(name: str) -> str:
    return EXPORT.sub("", IMPORT.sub("", _read(name)))
