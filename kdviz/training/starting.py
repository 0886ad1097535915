"""How an array starts: anew or from its checkpoint, without what cannot be trained, and what it leaves as it was."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from kdviz.training.checkpoints import restore, state
from kdviz.training.loop import Loop


def put_back(array: Loop, checkpoint: tuple[dict, Mapping[str, Tensor]]) -> str:
    """Put an array where its checkpoint left it; what is in the way where that cannot be done: it may have begun."""
    try:
        _check_layout(array, *checkpoint)
        restore(array, *checkpoint)
    except torch.OutOfMemoryError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as problem:
        return str(problem) or type(problem).__name__
    return ""


@contextmanager
def as_it_was(device: str) -> Iterator[None]:
    """Layers and dropout draw from torch's own generator, and convolutions follow the precision of products.

    The caller's generator, switches and number of threads are put back.
    """
    threads = torch.get_num_threads()
    devices = [torch.device(device)] if device.startswith("cuda") else []
    precise = torch.get_float32_matmul_precision() == "highest"
    cudnn = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=not precise)
    try:
        with torch.random.fork_rng(devices), cudnn:
            yield
    finally:
        torch.set_num_threads(threads)


def _check_layout(array: Loop, header: dict, arrays: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless a checkpoint says what this array's would, of as many students as it names."""
    own, tensors = state(array)
    if not own.keys() <= header.keys() or not len(header["keys"]) == len(header["history"]):
        raise ValueError(f"its header says {', '.join(header)}")
    there, here = ({name for name in each if not name.startswith("random")} for each in (arrays, tensors))
    if there != here:
        raise ValueError(f"its arrays are {', '.join(sorted(arrays))}")
    for name in here:
        if arrays[name].shape != (len(header["keys"]), *tensors[name].shape[1:]):
            raise ValueError(f"{name} has shape {tuple(arrays[name].shape)}")


def best_device() -> str:
    """CUDA where there is one, else MPS, else the CPU."""
    accelerators = {"cuda": torch.cuda, "mps": torch.backends.mps}
    return next((name for name, where in accelerators.items() if where.is_available()), "cpu")


class Refused(Exception):
    """One of several recipes, or how they stand together, cannot be trained; the cause says why."""
