"""An array half trained, as a header and named arrays; and an array that goes on from them."""

from collections.abc import Mapping

import torch
from torch import Tensor

from kdviz.training.loop import Loop


def state(array: Loop) -> tuple[dict, dict[str, Tensor]]:
    """Header and arrays of a checkpoint: all that the next step depends on and a recipe does not say."""
    header = {name: getattr(array, name) for name in ("step", "measured_at", "seconds", "history")}
    header["keys"] = [recipe.key for recipe in array.recipes]
    header["lost"] = {header["keys"][student]: epoch for student, epoch in array.lost.items()}
    arrays = {"loss_sum": array.loss_sum, "random": torch.get_rng_state()}
    if array.device.type == "cuda":
        arrays["random_cuda"] = torch.cuda.get_rng_state(array.device)
    elif array.device.type == "mps":
        arrays["random_mps"] = torch.mps.get_rng_state()
    return header, arrays | dict(array.changing())


def restore(array: Loop, header: dict, arrays: Mapping[str, Tensor]) -> None:
    """Go on from a checkpoint that holds these students, perhaps among others."""
    places = torch.tensor([header["keys"].index(recipe.key) for recipe in array.recipes])
    for name in ("step", "measured_at"):
        setattr(array, name, header[name])
    array.seconds = header["seconds"] * len(array.recipes) / len(header["keys"])
    array.history = [header["history"][place] for place in places]
    lost = [header["lost"].get(recipe.key) for recipe in array.recipes]
    array.lost = {student: epoch for student, epoch in enumerate(lost) if epoch is not None}
    array.loss_sum.copy_(arrays["loss_sum"][places])
    torch.set_rng_state(arrays["random"])
    if "random_cuda" in arrays and array.device.type == "cuda":
        torch.cuda.set_rng_state(arrays["random_cuda"], array.device)
    elif "random_mps" in arrays and array.device.type == "mps":
        torch.mps.set_rng_state(arrays["random_mps"])
    with torch.no_grad():
        for name, tensor in array.changing():
            tensor.copy_(arrays[name][places])
    array.resume()
    array.schedule.skip(array.step)
