"""Checks of batches whose parts must stay together, and of a student's own test of that."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from kdviz.checks.deciding import Mistake, check_takes, passed

N, SIZE = 23, 7
Batches = Callable[[Tensor, Tensor, Tensor, int, torch.Generator], Iterator[tuple[Tensor, Tensor, Tensor]]]


def check_batches(batches: Batches) -> None:
    """Raise Mistake unless each example comes once an epoch, in an order of its own, with its label and logits."""
    draw = torch.Generator().manual_seed(3)
    first, second = (_epoch(batches, draw) for _ in range(2))
    seen, labels, told = first
    if len(seen) != N or len({*seen.tolist()}) != N:
        lost = N - len({*seen.tolist()})
        why = "the last, smaller batch is left out" if lost == N % SIZE else "examples are left out, or come twice"
        raise Mistake(f"{why}: each comes once an epoch.")
    if not torch.equal(labels, seen % 10):
        raise Mistake("the labels are those of other images: one order for images, labels and logits.")
    if torch.equal(seen, torch.arange(N)):
        raise Mistake("the order is no longer drawn: every epoch brings the same batches.")
    if torch.equal(told, torch.arange(N)):
        raise Mistake("the teacher's logits come in the order they are stored, the images in the order drawn.")
    if not torch.equal(told, seen):
        raise Mistake("the teacher's logits are those of other images: index them with the images' own order.")
    if torch.equal(seen, second[0]):
        raise Mistake("both epochs have one order: draw it anew each time, with the generator that is given.")


def _epoch(batches: Batches, draw: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """The examples of one epoch as numbers: by image, by label, by logits."""
    of = torch.arange(N)
    parts = list(batches(of.float()[:, None], of % 10, of.float()[:, None].expand(N, 10).clone(), SIZE, draw))
    if not parts or any(len(part) != 3 for part in parts):
        raise Mistake("each batch is three tensors: images, labels, teacher's logits.")
    if max(len(images) for images, _, _ in parts) > SIZE:
        raise Mistake(f"a batch has more than `size` = {SIZE} examples.")
    images, labels, logits = (torch.cat([part[i] for part in parts]) for i in range(3))
    return images[:, 0].long(), labels, logits[:, 0].long()


def _by_order(logits_of: Callable, labels_of: Callable = lambda labels, rows, place: labels[rows]) -> Batches:
    def batches(images, labels, logits, size, generator):
        order = torch.randperm(len(images), generator=generator)
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            place = torch.arange(start, start + len(rows))
            yield images[rows], labels_of(labels, rows, place), logits_of(logits, rows, place)

    return batches


def _by_loader(images, labels, logits, size, generator):
    whole = torch.utils.data.TensorDataset(images, labels, logits)
    return iter(torch.utils.data.DataLoader(whole, batch_size=size, shuffle=True, generator=generator))


def _moved_first(images, labels, logits, size, generator):
    order = torch.randperm(len(images), generator=generator)
    return zip(*(part[order].split(size) for part in (images, labels, logits)), strict=True)


def _on_their_own(images, labels, logits, size, generator):
    orders = [torch.randperm(len(images), generator=generator) for _ in range(2)]
    return zip(images[orders[0]].split(size), labels[orders[0]].split(size), logits[orders[1]].split(size), strict=True)


RIGHT = {
    "an index for each batch": _by_order(lambda logits, rows, place: logits[rows]),
    "a DataLoader": _by_loader,
    "all moved first": _moved_first,
}
WRONG = {
    "takes the logits in stored order": _by_order(lambda logits, rows, place: logits[place]),
    "shuffles the logits by an order of their own": _on_their_own,
    "is one example off": _by_order(lambda logits, rows, place: logits[(rows + 1) % len(logits)]),
    "turns the logits round within a batch": _by_order(lambda logits, rows, place: logits[rows.flip(0)]),
    "takes the labels in stored order": _by_order(
        lambda logits, rows, place: logits[rows], lambda labels, rows, place: labels[place]
    ),
}


def pairing_test(function: Callable[[Batches], bool]) -> None:
    """Check ``function(batches)``: True where each image keeps its label and its teacher's logits, else False.

    It is tried on code that is right and on code that is wrong. An AssertionError counts as False.
    """
    check_takes(function, (None,))
    missed = [name for name, batches in WRONG.items() if _says(function, batches)]
    blamed = [name for name, batches in RIGHT.items() if not _says(function, batches)]
    if len(missed) == len(WRONG) and not blamed:
        raise Mistake("Your test passes everything: call `batches` on examples that tell which one they are.")
    if blamed:
        raise Mistake(f"Your test fails code that is right: {blamed[0]}. The order may be any, a batch any part of it.")
    if missed:
        raise Mistake(f"Your test passes code that {missed[0]}.")
    passed(f"The test: it passes {len(RIGHT)} programs that are right and fails {len(WRONG)} that are not.")


def _says(function: Callable, batches: Batches) -> bool:
    torch.manual_seed(0)
    try:
        said = function(batches)
    except AssertionError:
        return False
    if said is None:
        raise Mistake("Your test returns nothing: True where all stay together, else False.")
    return bool(said)
