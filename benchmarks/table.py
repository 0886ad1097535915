"""Write what was measured into README.md; what was not measured says so."""

import json
import re
from pathlib import Path

HERE = Path(__file__).parent
NAMES = [
    "tutorial", "modules", "products", "peer", "added", "lane", "hinton", "convolutions", "peers", "objectives",
    "correct",
]  # fmt: skip


def section(name: str) -> str:
    title = (HERE / f"{name}.py").read_text(encoding="utf-8").split('"""')[1].splitlines()[0]
    return "\n\n".join([f"## {title.rstrip('.')}", *(measured(name, kind) for kind in ("cpu", "gpu"))])


def measured(name: str, kind: str) -> str:
    command = f"`python benchmarks/{name}.py{' --device cuda' if kind == 'gpu' else ''}`"
    path = HERE / "results" / f"{name}.{kind}.json"
    if not path.exists():
        return f"{kind.upper()}, {command}: not measured."
    found = json.loads(path.read_text(encoding="utf-8"))
    columns = list(found["rows"][0])
    lines = [columns, ["---"] * len(columns), *([row[column] for column in columns] for row in found["rows"])]
    table = "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
    return f"{kind.upper()}, {command}: {found['machine']}, torch {found['torch']}, {found['date']}.\n\n{table}"


def main():
    readme = HERE / "README.md"
    text = readme.read_text(encoding="utf-8")
    start, end = "<!-- measured -->", "<!-- /measured -->"
    body = "\n\n".join(map(section, NAMES))
    text = re.sub(f"{start}.*{end}", lambda _: f"{start}\n\n{body}\n\n{end}", text, flags=re.DOTALL)
    readme.write_text(text, encoding="utf-8")
    print(body)


if __name__ == "__main__":
    main()
