"""What the teachers of an array of students answer."""

import warnings

import torch
from torch import Tensor, nn

from kdviz.data import Dataset, load_described
from kdviz.measures import TopK
from kdviz.measures.accuracy import at_chance
from kdviz.networks import in_training_precision, predict
from kdviz.objectives import GivenLogits
from kdviz.recipes import Recipe
from kdviz.runs import Run


class Teachers:
    """What students are taught: computed once and addressed by example; live where augmentation changes the
    inputs, unless the objective asks for ``clean`` answers.

    Parameters
    ----------
    recipes : list of Recipe
        The students, of one kind of objective.
    data : Dataset
    parents : dict of Recipe to Run
    stream_of : Tensor, shape (students,), int64
        Whose inputs each student sees. Students of one stream share their teacher's live forward pass.
    """

    def __init__(self, recipes: list[Recipe], data: Dataset, parents: dict[Recipe, Run], stream_of: Tensor):
        self.device = stream_of.device
        self.objective, self.data, self.parents = recipes[0].objective, data, parents
        self.tables: dict[str, Tensor] = {}
        self.live: list[tuple[int, tuple, list[nn.Module]]] = []
        for recipe in recipes:
            _check(recipe)
        groups = [recipe.objective.teachers for recipe in recipes]
        self._as_one = {group: recipe.objective.together for group, recipe in zip(groups, recipes, strict=True)}
        if not any(groups):
            return
        if recipes[0].augment and not self.objective.clean:
            pairs = list(zip(stream_of.tolist(), groups, strict=True))
            distinct = list(dict.fromkeys(pairs))
            networks = {teacher: self._network(teacher) for group in groups for teacher in group}
            self.live = [(stream, group, [networks[each] for each in group]) for stream, group in distinct]
            places = [distinct.index(pair) for pair in pairs]
        else:
            several = {recipe.data for recipe in recipes}
            self.asked = torch.cat([load_described(each).rows for each in several]).unique()  # the examples asked about
            distinct = list(dict.fromkeys(groups))
            taught = [self._as_one[group]([self._on_training_set(each) for each in group]) for group in distinct]
            for group, each in zip(distinct, taught, strict=True):
                _check_logits(each["logits"], data, given=isinstance(group[0], GivenLogits))
            self.tables = _stacked(taught, self.device)
            places = [distinct.index(group) for group in groups]
        self.place = torch.tensor(places, device=self.device)

    def outputs(self, inputs: Tensor, rows: Tensor, *names: str) -> dict[str, Tensor]:
        """The teachers' ``logits`` and what the objective sees, each (students, N, ...); empty without teachers.

        Parameters
        ----------
        inputs : Tensor, shape (streams, N, ...)
        rows : Tensor, shape (students, N)
            The examples' places in the full training set.
        names : str
            Which of them are looked up, without any: all.
        """
        if self.live:
            answers = [
                self._as_one[group]([self._live(network, inputs[stream]) for network in several])
                for stream, group, several in self.live
            ]
            return {name: torch.stack([each[name] for each in answers])[self.place] for name in answers[0]}
        wanted = names or self.tables
        return {name: self.tables[name][self.place[:, None], rows] for name in wanted}

    @torch.no_grad()
    def _live(self, network: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
        return self._kept(in_training_precision(network, inputs))

    def _kept(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"logits": outputs["logits"]} | self.objective.seen(outputs)

    def _network(self, teacher: Recipe) -> nn.Module:
        return self.parents[teacher].network().to(self.device, torch.get_default_dtype()).eval()

    def _on_training_set(self, teacher: Recipe | GivenLogits | TopK) -> dict[str, Tensor]:
        if isinstance(teacher, TopK):
            return _spread(teacher, len(self.data.classes))
        if isinstance(teacher, GivenLogits):
            return {"logits": teacher.logits}
        inputs, run = self.data.full_train.inputs, self.parents[teacher]
        most = 2 * len(self.asked) > len(inputs)
        if most and self.objective.reads == ("logits",) and not self.data.description.unlabelled:
            return {"logits": run.logits("train", str(self.device))}  # the run holds them for the next array
        found = predict(self._network(teacher), inputs[self.asked].to(self.device), self._kept)
        blank = {name: each.new_zeros(len(inputs), *each.shape[1:]) for name, each in found.items()}
        return {name: each.index_copy_(0, self.asked.to(each.device), found[name]) for name, each in blank.items()}


def _check(recipe: Recipe) -> None:
    teachers = recipe.objective.teachers
    strangers = [t for t in teachers if isinstance(t, Recipe) and t.data.name != recipe.data.name]
    if strangers:
        raise ValueError(f"the teacher learnt {strangers[0].data.name}, the student is given {recipe.data.name}")
    changed = recipe.augment or recipe.data.unlabelled
    if changed and any(isinstance(teacher, GivenLogits | TopK) for teacher in teachers):
        raise ValueError("given logits belong to unchanged images: use a teacher recipe, or leave the images alone")


def _check_logits(logits: Tensor, data: Dataset, given: bool) -> None:
    needed = (len(data.full_train), len(data.classes))
    if logits.shape != needed:
        raise ValueError(f"teacher logits must be finite and of shape {needed}, not {tuple(logits.shape)}")
    strange = logits.isnan().any(-1) | logits.amax(-1).isinf()
    if strange.any():
        rows = strange.nonzero().flatten().tolist()
        raise ValueError(
            f"teacher logits must be finite, or −∞ for a masked class: those of {len(rows)} examples, such as row "
            f"{rows[0]}, hold NaN or +∞, or mask every class"
        )
    if given and at_chance(logits, data.full_train.labels):
        warnings.warn(
            "the given logits meet the labels at chance: is their order that of the training examples "
            f"(kd.load({data.description.name!r}).full_train), and of its classes?",
            stacklevel=2,
        )


def _spread(teacher: TopK, classes: int) -> dict[str, Tensor]:
    """A top k as a table with −∞ for the rest and, where one temperature is asked for, the mass of the rest there."""
    if not teacher.lse:
        return {"logits": teacher.spread(classes)}
    (temperature,) = teacher.lse
    return {"logits": teacher.spread(classes, temperature), "rest": teacher.log_rest(temperature)}


def _stacked(several: list[dict[str, Tensor]], device: torch.device) -> dict[str, Tensor]:
    dtype = torch.get_default_dtype()
    return {name: torch.stack([each[name].to(device, dtype) for each in several]) for name in several[0]}
