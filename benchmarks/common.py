"""What every benchmark shares: which device, where results go, and how they are written down."""

import argparse
import datetime
import json
import os
import platform
from pathlib import Path

import torch

os.environ.setdefault("KDVIZ_STATIC", "1")  # no progress bars
RESULTS = Path(__file__).parent / "results"


def device_asked(description: str) -> str:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    return parser.parse_args().device


def machine(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line]
    return f"{names[0] if names else platform.processor()}, {torch.get_num_threads()} threads"


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def write(name: str, device: str, rows: list[dict]) -> None:
    """Print the rows and keep them for the table in README.md."""
    for row in rows:
        print(", ".join(f"{key}: {value}" for key, value in row.items()), flush=True)
    found = {"machine": machine(device), "torch": torch.__version__, "date": str(datetime.date.today()), "rows": rows}
    RESULTS.mkdir(exist_ok=True)
    kind = "gpu" if device == "cuda" else "cpu"
    (RESULTS / f"{name}.{kind}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
