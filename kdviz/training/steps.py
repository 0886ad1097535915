"""A step, many times: one after another on a processor, replayed from one capture on a CUDA GPU."""

import warnings
from collections.abc import Callable

import torch


class Repeated:
    """``step`` as often as asked. What it reads and writes must stay where it is, so that a GPU can replay it.

    Parameters
    ----------
    step : callable
        Without arguments.
    device : torch.device
    """

    def __init__(self, step: Callable[[], None], device: torch.device):
        self.step, self.device = step, device
        self.replay: Callable[[], None] | None = None

    def __call__(self, times: int) -> None:
        """Take the steps; on a GPU they may still run when this returns."""
        if self.device.type != "cuda":
            for _ in range(times):
                self.step()
            return
        with torch.cuda.device(self.device):
            warm_up = 0 if self.replay else min(times, 3)
            if not self.replay:
                self._capture(warm_up)
            for _ in range(times - warm_up):
                self.replay()

    def _capture(self, warm_up: int) -> None:
        """Take ``warm_up`` real steps on a stream of their own, as capturing needs, and capture the next."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(warm_up):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=side):
                self.step()
            self.replay = graph.replay
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as problem:  # a network or a loss that waits for the device cannot be captured
            torch.cuda.synchronize()
            said = str(problem).splitlines()[0]
            warnings.warn(f"the step cannot be captured and is launched each time, slower: {said}", stacklevel=2)
            self.replay = self.step
