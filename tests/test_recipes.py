import numpy as np
import pytest
import torch

import kdviz as kd
from kdviz.recipes.descriptions import describe, differences


def test_a_key_depends_on_what_the_recipe_says_alone(digits, teacher, student):
    again = kd.Recipe(digits, kd.mlp(8), kd.SoftTargets(teacher, temperature=2.0), epochs=1.0, seed=0)
    assert student == again and student.key == again.key and hash(student) == hash(again)
    assert len({student.key, student.replace(temperature=3).key, student.replace(seed=1).key}) == 3


def test_equal_recipes_have_equal_keys_whatever_the_numbers_type(student, digits):
    for name, one, other in (("hard_weight", 1, 1.0), ("seed", 2, np.int64(2)), ("hard_weight", 0.5, np.float32(0.5))):
        assert student.replace(**{name: one}).key == student.replace(**{name: other}).key
    assert (
        kd.mlp(8) == kd.mlp(*np.array([8]))
        and digits.take(50, 1).description == digits.take(np.int64(50), 1).description
    )


def test_the_keys_of_today_stay(student, teacher):
    """Shipped runs are found by these: they change only with TRAINING_VERSION."""
    assert (teacher.key, student.key) == ("24164930e566fb13", "b59c248d5a7701da")


def test_the_teachers_ancestry_is_in_the_key(student, teacher):
    older = student.replace(teacher=teacher.replace(seed=1))
    assert older.key != student.key
    assert student.replace(teacher=(teacher, teacher.replace(seed=1))).key != student.key
    assert teacher.replace(init=teacher).key != teacher.key


def test_defaults_are_left_out_of_the_description(student):
    said = describe(student)
    assert "batch_size" not in said and "seed" not in said
    assert said["objective"]["teacher"]["kind"] == "Recipe" and said["objective"]["temperature"] == 2.0
    assert describe(student.replace(seed=3))["seed"] == 3


def test_given_logits_are_known_by_their_values(digits):
    logits = torch.randn(1000, 10, generator=torch.Generator().manual_seed(0))
    recipes = [kd.Recipe(digits, kd.mlp(8), kd.SoftTargets(x)) for x in (logits, logits.clone(), logits + 1)]
    assert recipes[0] == recipes[1] and recipes[0].key == recipes[1].key != recipes[2].key
    assert hash(recipes[0]) == hash(recipes[1])
    key = recipes[0].key
    logits += 1  # what was given stays as it was
    assert kd.Recipe(digits, kd.mlp(8), recipes[0].objective).key == key and not torch.equal(
        recipes[0].objective.teacher.logits, logits
    )


def test_a_recipe_holds_a_description_and_no_tensor(digits, student):
    assert student.data == digits.description
    assert digits.without([3]).description == digits.without("3").description


def test_grid_is_every_combination_with_the_last_axis_fastest(student, teacher):
    recipes = kd.grid(student, temperature=[1, 4], seed=range(3))
    assert [(r.objective.temperature, r.seed) for r in recipes] == [(t, s) for t in (1.0, 4.0) for s in range(3)]
    teachers = kd.grid(teacher, seed=range(2))
    paired = kd.grid(student, seed=range(4), teacher=lambda r: teachers[r.seed % 2])
    assert [r.objective.teacher.seed for r in paired] == [0, 1, 0, 1]


def test_grid_names_a_field_that_does_not_exist(student):
    with pytest.raises(ValueError, match=r"neither Recipe nor SoftTargets has a field \['temprature'\]"):
        kd.grid(student, temprature=[1, 2])


@pytest.mark.parametrize("field", ["epochs", "learning_rate", "batch_size", "seed", "weight_decay"])
def test_numbers_are_checked(student, field):
    with pytest.raises(ValueError, match=field):
        student.replace(**{field: -1})


def test_differences_name_the_field(student):
    found = list(differences(describe(student), describe(student.replace(temperature=4, seed=2))))
    assert found == [("recipe.objective.temperature", 2.0, 4.0), ("recipe.seed", "default", 2)]


def test_networks_are_checked():
    with pytest.raises(ValueError, match="at least one unit"):
        kd.mlp(10, 0)
    with pytest.raises(ValueError, match="dropout is a share"):
        kd.mlp(10, dropout=1.0)


@pytest.mark.parametrize("model", [kd.mlp(30, 20), kd.cnn(4, 6, hidden=(20,))])
def test_a_network_names_its_outputs(model):
    outputs = model.build((1, 8, 8), 10)(torch.zeros(3, 1, 8, 8))
    assert outputs["logits"].shape == (3, 10) and outputs["features"].shape == (3, 20)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda s: kd.Recipe("digits", s.model, s.objective), "data of a recipe must be Description, not str"),
        (lambda s: s.replace(objective=s), "objective of a recipe must be .* not Recipe"),
        (lambda s: s.replace(model="mlp"), "model of a recipe must be .*MLP"),
        (lambda s: s.replace(teacher=()), "a teacher is a recipe"),
        (lambda s: s.replace(teacher=4.0), r"a tensor of logits, not \['float'\]"),
        (lambda s: s.replace(teacher=kd.Run(s, {}, {})), r"a teacher is a recipe \(run.recipe\).* not \['Run'\]"),
        (lambda s: s.replace(temperature="4"), "a temperature must be finite and above 0, not 4: one number"),
        (lambda s: kd.grid(s, temperature=4), r"write temperature=\[...\]"),
        (lambda s: kd.grid(s, augment=kd.Jitter(2)), r"write augment=\[...\]"),
        (lambda s: kd.Jitter(-1), "at least one pixel"),
        (lambda s: s.replace(init_weight=0.5), "init_weight is the share of init's weights"),
        (lambda s: s.replace(init=s, init_weight=-1), "init_weight must be finite and at least 0"),
        (lambda s: s.replace(init=s, init_weight=1.5), "init_weight is the share of init's weights"),
        (lambda s: kd.HardLabels(smoothing=1), r"smoothing is a share in \[0, 1\)"),
        (lambda s: s.replace(data=kd.load("digits").replace_inputs("noise"), hard_weight=0.1), "labels of .* do not"),
        (lambda s: s.replace(data=kd.load("digits").replace_inputs("noise"), objective=kd.HardLabels()), "labels of"),
        (lambda s: kd.cnn(), "a CNN needs channels"),
        (lambda s: kd.cnn(4, dropout=1), r"dropout is a share in \[0, 1\)"),
        (lambda s: kd.cnn(2, 2, 2, 2).build((1, 8, 8), 10), r"leave nothing of an image of shape \(1, 8, 8\)"),
        (lambda s: kd.train(s.replace(epochs=0.1), store=None), "0.1 epochs of .* are 1 steps"),
    ],
)
def test_a_beginners_mistake_says_what_to_do(student, make, text):
    with pytest.raises(ValueError, match=text):
        make(student)
