"""Recipes: what to train, said so completely that a run can be found again by it."""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass

from kdviz.arguments import number, whole
from kdviz.compression import Compression
from kdviz.data import Augmentation, Dataset, Description, MixUp, check_stock
from kdviz.measures import TopK
from kdviz.networks import Architecture, Transformer
from kdviz.objectives import Contrastive, GivenLogits, Objective
from kdviz.recipes.code import check_written
from kdviz.recipes.descriptions import describe
from kdviz.recipes.schedules import ONE_CYCLE, SGD, AdamW

# Part of every key. Raised when training comes to mean something else, so that no old run is taken for a new one.
TRAINING_VERSION = 1


@dataclass(frozen=True)
class Recipe:
    """One training, from data to last step.

    Parameters
    ----------
    data : Dataset or Description
        A recipe keeps the description alone, never tensors.
    model : MLP, CNN, ResNet, Strided, Transformer, Members or Module
    objective : Objective
        One of :mod:`kdviz.objectives`. A teacher inside it is a recipe too, so the whole ancestry is in the key.
    epochs : float
        Passes over the *full* training set: narrowed data are passed over more often, in as many steps.
    batch_size : int
        Batches are always full.
    learning_rate : float
        The peak.
    weight_decay : float
    augment : Jitter, Crop, Flip, Erase, MixUp, or several of them, optional
        What changes the training images of each step; several do so one after another.
    compression : Prune, Quantise or another of kdviz.compression, optional
        What makes the network smaller while it learns.
    seed : int
        Of initialisation, order and augmentation, each with a generator of its own, and of dropout, whose masks an
        array draws with the seed of its first student.
    init : Recipe, optional
        Start from the weights this recipe ended with.
    init_weight : float
        Their share λ, in [0, 1]; the rest is the seed's own initialisation (Stanton et al. 2021, section 6).
    frozen : bool
        Train nothing but a new last layer, on the features of ``init``'s network: a linear probe. The data may be
        others than ``init`` was trained on, of the same shape.
    new_head : bool
        Take all of ``init``'s network but its last layer, which is new: for other classes, as a specialist has.
    init_layers : tuple of int, optional
        Of a transformer: which of ``init``'s layers, counted from 1, its own begin as, one after another; all else is
        taken as it is. ``(2, 4, 6)`` is every second one of six (Sanh et al. 2019, DistilBERT, section 3).
    """

    data: Description
    model: Architecture
    objective: Objective
    epochs: float = 20.0
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    augment: Augmentation | tuple[Augmentation, ...] | None = None
    seed: int = 0
    init: "Recipe | None" = None
    init_weight: float = 1.0
    frozen: bool = False
    optimizer: AdamW | SGD = ONE_CYCLE
    compression: Compression | None = None
    new_head: bool = False
    init_layers: tuple[int, ...] = ()

    training_version = TRAINING_VERSION

    def __post_init__(self):
        if isinstance(self.data, Dataset):
            check_stock(self.data)
            object.__setattr__(self, "data", self.data.description)
        if isinstance(self.augment, tuple | list):  # of one, or of none: as if it were said alone
            alone = next(iter(self.augment), None)
            object.__setattr__(self, "augment", tuple(self.augment) if len(self.augment) > 1 else alone)
        self._check_kinds()
        object.__setattr__(self, "init_layers", tuple(whole("a layer", each, 1) for each in self.init_layers))
        for name in ("batch_size", "seed"):
            object.__setattr__(self, name, whole(f"{name} of a recipe", getattr(self, name), -math.inf))
        at_least = ("weight_decay", "init_weight")
        for name in ("epochs", "learning_rate", *at_least):
            value = number(f"{name} of a recipe", getattr(self, name))
            object.__setattr__(self, name, value)
            if not math.isfinite(value) or value < 0 or (value == 0 and name not in at_least):
                raise ValueError(
                    f"{name} must be finite and {'at least' if name in at_least else 'above'} 0, not {value}"
                )
        if self.batch_size < 1 or self.seed < 0:
            raise ValueError(f"batch_size must be at least 1 and seed at least 0: {self.batch_size}, {self.seed}")
        if self.init_weight > 1 or (self.init_weight < 1 and not self.init):
            raise ValueError(
                f"init_weight is the share of init's weights, in [0, 1], not {self.init_weight}: give both"
            )
        if self.frozen and not (self.init and self.init_weight == 1):
            raise ValueError("frozen trains a new last layer on the features of another's network: give init, whole")
        if self.new_head and (self.frozen or not self.init):
            raise ValueError("new_head takes all of init's network but its last layer: give init, and not frozen")

    def _check_kinds(self) -> None:
        kinds = {"data": Description, "model": Architecture, "objective": Objective}
        kinds |= {"init": Recipe | None, "optimizer": AdamW | SGD, "frozen": bool}
        kinds |= {"compression": Compression | None, "new_head": bool}
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                wanted, given = getattr(kind, "__name__", kind), getattr(self, name)
                how = f": write kd.load({given!r})" if name == "data" and isinstance(given, str) else ""
                how = ": write run.recipe" if name == "init" and hasattr(given, "recipe") else how
                raise ValueError(f"{name} of a recipe must be {wanted}, not {type(given).__name__}{how}")
        self._check_augment()
        several = self.augment if isinstance(self.augment, tuple) else (self.augment,)
        for part in (self.model, self.objective, self.compression, *several):
            check_written(part)
        if self.objective.answer not in self.model.outputs:
            said = type(self.objective).__name__, self.objective.answer, self.model, ", ".join(self.model.outputs)
            raise ValueError("{} trains a network's {!r}, and {} answers with {}: choose another network".format(*said))
        self._check_teachers()
        self.objective.check(self)
        if self.data.unlabelled and self.objective.needs_labels:
            raise ValueError(f"the labels of {self.data} do not belong to its inputs: SoftTargets, hard_weight=0")
        if self.compression:
            self.compression.check(self.model, self.frozen)
        same = self._is_cut_of_init() or self.new_head or not self.init or self.init.model == self.model
        if not same and not self.init.compression:  # else only its run can say
            raise ValueError(f"init ended with a network {self.init.model}, this recipe starts with {self.model}")

    def _is_cut_of_init(self) -> bool:
        """Whether the network begins as layers of init's; ValueError where it is said and cannot be."""
        if not self.init_layers:
            return False
        theirs = self.init.model if self.init else None
        if not isinstance(theirs, Transformer) or not isinstance(self.model, Transformer):
            raise ValueError("init_layers are those of a transformer that a transformer begins as: give init, too")
        if dataclasses.replace(theirs, layers=self.model.layers, dropout=self.model.dropout) != self.model:
            raise ValueError(f"init_layers: {self.model} is no {theirs} with fewer layers; all else is alike")
        if len(self.init_layers) != self.model.layers or max(self.init_layers) > theirs.layers:
            raise ValueError(
                f"init_layers names one of init's {theirs.layers} layers for each of the {self.model.layers}, "
                f"not {self.init_layers}"
            )
        return True

    def _check_augment(self) -> None:
        several = self.augment if isinstance(self.augment, tuple) else (self.augment,)
        strange = [type(each).__name__ for each in several if self.augment and not isinstance(each, Augmentation)]
        if strange:
            raise ValueError(f"augment is a Jitter, Crop, Flip, Erase or MixUp, or a tuple of them, not {strange[0]}")
        if isinstance(self.objective, Contrastive) and any(isinstance(each, MixUp) for each in several):
            raise ValueError("Contrastive asks which examples are of one class: MixUp leaves none of one class")

    def _check_teachers(self) -> None:
        said, teachers, reads = type(self.objective).__name__, self.objective.teachers, {*self.objective.reads}
        if len(teachers) == 1 and isinstance(teachers[0], tuple):
            raise ValueError(f"{said} learns from one teacher, a recipe (run.recipe), not from {len(teachers[0])}")
        looks = not reads <= {"logits"}
        if reads and (
            not teachers or not all(isinstance(teacher, Recipe | GivenLogits | TopK) for teacher in teachers)
        ):
            also = "" if looks else ", a tuple of recipes or a tensor of logits"
            raise ValueError(
                f"a teacher is a recipe (run.recipe){also}, not {[type(teacher).__name__ for teacher in teachers]}"
            )
        if not looks:
            return
        if not all(isinstance(teacher, Recipe) for teacher in teachers):
            raise ValueError(f"{said} looks into a network: its teacher is a recipe, not a tensor of logits")
        for who, model in (("student", self.model), *(("teacher", teacher.model) for teacher in teachers)):
            if not reads <= {*model.outputs}:
                raise ValueError(
                    f"{said} reads {sorted(reads)}, the {who} {model} has {', '.join(model.outputs)}: "
                    "choose another layer or network"
                )

    def __str__(self) -> str:
        objective = type(self.objective).__name__
        temperature, smoothing = (getattr(self.objective, name, 0) for name in ("temperature", "smoothing"))
        said = f" at T = {temperature:g}" if temperature else ""
        said += f" smoothed by {smoothing:g}" if smoothing else ""
        said += f", {self.init_weight:g} of another's weights" if self.init and not self.frozen else ""
        said += f", layers {', '.join(map(str, self.init_layers))}" if self.init_layers else ""
        said += ", a new last layer" if self.new_head else ""
        said += ", a probe of frozen features" if self.frozen else ""
        said += f", {self.compression}" if self.compression else ""
        return f"{self.model} on {self.data}, {objective}{said}, seed {self.seed}"

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits that depend on what the recipe says, and on nothing else."""
        return hashlib.sha256(json.dumps(describe(self), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def parents(self) -> tuple["Recipe", ...]:
        """The recipes that must be trained before this one."""
        teachers = tuple(t for t in self.objective.teachers if isinstance(t, Recipe))
        return teachers + ((self.init,) if self.init else ())

    def replace(self, **changes) -> "Recipe":
        """A copy with other fields, of the recipe or, where it has no such field, of its objective or compression."""
        mine = {field.name for field in dataclasses.fields(self)}
        own = {name: value for name, value in changes.items() if name in mine}
        deeper = {name: value for name, value in changes.items() if name not in mine}
        parts = {name: own.pop(name, getattr(self, name)) for name in ("objective", "compression")}
        said = {name: part for name, part in parts.items() if dataclasses.is_dataclass(part)}
        inside = {name: {field.name for field in dataclasses.fields(part)} for name, part in said.items()}
        strange = set(deeper) - set().union(*inside.values())
        if strange:
            asked = " nor ".join(["Recipe", *(type(parts[name]).__name__ for name in inside)])
            raise ValueError(f"neither {asked} has a field {sorted(strange)}")
        twice = set(deeper).intersection(*inside.values()) if len(inside) > 1 else set()
        if twice:
            raise ValueError(f"objective and compression both have a field {sorted(twice)}: replace one of them whole")
        for part, names in inside.items():
            if changed := {name: value for name, value in deeper.items() if name in names}:
                parts[part] = dataclasses.replace(parts[part], **changed)
        return dataclasses.replace(self, **own, **parts)
