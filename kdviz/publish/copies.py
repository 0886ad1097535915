"""Copies of the notebooks to play in: what is changed there, git does not see."""

import hashlib
import json
import shutil
from pathlib import Path

from kdviz.data.sources import ROOT

PLAYED = ROOT / "lab"  # beside `notebooks`, so that links upwards lead where theirs do; git ignores it
COPIED = ".copied.json"  # of each file the digest that it was copied with


def play(source: Path, folder: Path = PLAYED) -> list[Path]:
    """Copy what is in ``source`` that ``folder`` lacks, or has as it was copied; return the files that were changed.

    Those stay as they are: what somebody wrote is never overwritten, nor is a file that is only there.
    """
    folder.mkdir(exist_ok=True)
    record = folder / COPIED
    known = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    changed = []
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if path.is_dir() or any(part.startswith((".", "__")) for part in name.parts):
            continue
        copy = folder / name
        if copy.exists() and _digest(copy) != known.get(name.as_posix()):
            changed.append(copy)
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        known[name.as_posix()] = _digest(copy)
    record.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return changed


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
