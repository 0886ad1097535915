"""The soft targets' source for an array of students."""

import copy

import torch
from torch import Tensor, nn

from kdviz.data import Dataset
from kdviz.models import predict_logits
from kdviz.objectives import GivenLogits
from kdviz.recipes import Recipe
from kdviz.runs import Run


class Teachers:
    """Teacher logits: computed once and addressed by example; live where augmentation changes the inputs.

    Parameters
    ----------
    recipes : list of Recipe
        The students.
    data : Dataset
    parents : dict of Recipe to Run
    stream_of : Tensor, shape (students,), int64
        Whose inputs each student sees. Students of one stream share their teacher's live forward pass.
    """

    def __init__(self, recipes: list[Recipe], data: Dataset, parents: dict[Recipe, Run], stream_of: Tensor):
        device = stream_of.device
        self.table: Tensor | None = None
        self.live: list[tuple[int, list[nn.Module]]] = []
        for recipe in recipes:
            _check(recipe)
        groups = [recipe.objective.teachers for recipe in recipes]
        if not any(groups):
            return
        if recipes[0].augment:
            pairs = list(zip(stream_of.tolist(), groups, strict=True))
            distinct = list(dict.fromkeys(pairs))
            networks = {t: copy.deepcopy(parents[t].network()).to(device) for group in groups for t in group}
            self.live = [(stream, [networks[teacher] for teacher in group]) for stream, group in distinct]
            places = [distinct.index(pair) for pair in pairs]
        else:
            distinct = list(dict.fromkeys(groups))
            tables = [_averaged([_train_logits(t, data, parents, device) for t in group]) for group in distinct]
            self.table = torch.stack([_checked(table, data) for table in tables]).to(device, torch.get_default_dtype())
            places = [distinct.index(group) for group in groups]
        self.place = torch.tensor(places, device=device)

    def logits(self, inputs: Tensor, rows: Tensor) -> Tensor | None:
        """Shape (students, N, classes), or None for students of labels alone.

        Parameters
        ----------
        inputs : Tensor, shape (streams, N, ...)
        rows : Tensor, shape (students, N)
            The examples' places in the full training set.
        """
        if self.live:
            answers = [_averaged([predict_logits(n, inputs[stream]) for n in several]) for stream, several in self.live]
            return torch.stack(answers)[self.place]
        return None if self.table is None else self.table[self.place[:, None], rows]


def _check(recipe: Recipe) -> None:
    teachers = recipe.objective.teachers
    strangers = [t for t in teachers if isinstance(t, Recipe) and t.data.name != recipe.data.name]
    if strangers:
        raise ValueError(f"the teacher learnt {strangers[0].data.name}, the student is given {recipe.data.name}")
    changed = recipe.augment or recipe.data.unlabelled
    if changed and any(isinstance(teacher, GivenLogits) for teacher in teachers):
        raise ValueError("given logits belong to unchanged images: use a teacher recipe, or leave the images alone")


def _train_logits(teacher: Recipe | GivenLogits, data: Dataset, parents: dict[Recipe, Run], device: torch.device):
    if isinstance(teacher, GivenLogits):
        return teacher.logits
    if data.description.unlabelled:
        network = copy.deepcopy(parents[teacher].network()).to(device)
        return predict_logits(network, data.full_train.inputs.to(device))
    return parents[teacher].logits("train", str(device))


def _checked(table: Tensor, data: Dataset) -> Tensor:
    needed = (len(data.full_train), len(data.classes))
    if table.shape != needed or not torch.isfinite(table).all():
        raise ValueError(f"teacher logits must be finite and of shape {needed}, not {tuple(table.shape)}")
    return table


def _averaged(logits: list[Tensor]) -> Tensor:
    """Logits of the mean probability, up to a constant; unchecked, for a check would wait for the device."""
    return logits[0] if len(logits) == 1 else torch.stack([z.log_softmax(-1) for z in logits]).logsumexp(0)
