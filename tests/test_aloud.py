"""The bench in words, and its form: what a card says aloud, and controls made of plain values."""

import base64
import io

import ipywidgets as widgets
import matplotlib.pyplot as plt
import pytest
from PIL import Image

import kdviz as kd
from kdviz.explorers import choices

ALONE = [dict(accuracy=a, agreement=0.9, kl=k, correlation=0.2) for a, k in ((0.88, 0.1), (0.87, 0.2), (0.89, 0.1))]


def idea(accuracy=0.0, ties=0.0):
    """Students whose scores differ from those on labels by so much, and whose KL differs both ways."""
    kls = (0.2, 0.1, 0.15)
    return [
        one
        | {"accuracy": one["accuracy"] + accuracy + noise, "correlation": one["correlation"] + ties + noise, "kl": kl}
        for one, noise, kl in zip(ALONE, (0.001, 0, -0.001), kls, strict=True)
    ]


def said(**differences):
    return kd.bench.aloud({"scores": {"student": idea(**differences), "labels alone": ALONE}})


def test_what_is_lost_and_won_is_said_with_its_numbers_and_how_many_times_smaller():
    text = said(accuracy=-0.02, ties=-0.18)
    lost, won = text.split("it **wins** on")
    assert "**loses** on accuracy (86.0 against 88.0 %)" in lost and "ties" not in lost
    assert "ties between classes (correlation difference 0.020 against 0.200, 10 times smaller)" in won


def test_the_other_way_round_the_verdicts_turn():
    lost, won = said(accuracy=0.02, ties=0.18).split("it **wins** on")
    assert "accuracy" in won and "ties" in lost and "times smaller" not in lost


def test_what_the_seeds_leave_open_is_said_and_what_is_missing_is_not():
    text = said(accuracy=-0.02)
    assert "KL from the teacher" in text.split("On ")[-1] and "**cannot tell**" in text and "3 seeds" in text
    assert "ECE" not in text and "never shown" not in text


def test_how_sure_one_asks_to_be_decides():
    gains = (0.006, 0.010, 0.014, 0.0065, 0.0135)
    theirs = [{"accuracy": 0.8 + 0.01 * i} for i in range(5)]
    ours = [{"accuracy": one["accuracy"] + gain} for one, gain in zip(theirs, gains, strict=True)]
    card = {"scores": {"student": ours, "labels alone": theirs}}
    assert "**wins** on accuracy" in kd.bench.aloud(card)
    assert "**cannot tell**" in kd.bench.aloud(card, sure=0.9999)


def test_a_tie_on_all_scores_is_a_sentence_too():
    assert "neither wins nor loses" in kd.bench.aloud({"scores": {"student": ALONE, "labels alone": ALONE}})


@pytest.mark.parametrize(
    ("card", "against", "reason"),
    [
        ({"scores": {"student": ALONE}}, "labels alone", "no 'labels alone'"),
        ({"scores": {"student": ALONE[:1], "labels alone": ALONE[:1]}}, "labels alone", "1 and 1 seeds"),
        ({"scores": {"student": ALONE[:2], "labels alone": ALONE}}, "labels alone", "2 and 3 seeds"),
        ([], "labels alone", "card must be"),
    ],
)
def test_what_cannot_be_compared_is_refused(card, against, reason):
    with pytest.raises(ValueError, match=reason):
        kd.bench.aloud(card, against)


def test_plain_values_become_controls_at_their_value():
    made = choices.controls({"T": ({"one": 1, "four": 4}, 4), "hard": (0.0, 0.9, 0.3), "epochs": (1, 60, 20)})
    assert [type(each) for each in made.values()] == [widgets.Dropdown, widgets.FloatSlider, widgets.IntSlider]
    assert [each.value for each in made.values()] == [4, 0.3, 20] and made["T"].label == "four"


@pytest.mark.parametrize("wrong", [({"one": 1}, 2), (1, 5, 9), (5, 1, 3), "T", ([1, 2], 1)])
def test_a_choice_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="'T' of form"):
        choices.controls({"T": wrong})


def test_pictures_are_stacked_from_the_top():
    def png(colour, size):
        file = io.BytesIO()
        Image.new("RGB", size, colour).save(file, "png")
        return file.getvalue()

    both = Image.open(io.BytesIO(choices.above(png("red", (4, 2)), png("blue", (6, 3)))))
    assert both.size == (6, 5)
    assert [both.getpixel(at) for at in ((0, 0), (5, 0), (5, 4))] == [(255, 0, 0), (255, 255, 255), (0, 0, 255)]


def test_the_picture_of_a_form_says_each_choice_and_where_it_stands():
    figure = plt.figure(figsize=(12, 1.2))
    choices.drawn(figure, choices.controls({"T": ({"four": 4}, 4), "epochs": (1, 60, 20)}))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[:2] == ["T: four", "epochs: 20"] and any("Train" in text for text in texts)


def test_a_form_of_a_student_trains_what_it_says(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("KDVIZ_STORE", str(tmp_path))
    monkeypatch.setenv("KDVIZ_TRAIN", "1")
    teacher = kd.Recipe(digits, kd.mlp(8), kd.HardLabels(), epochs=1)
    student = kd.Recipe(digits, kd.mlp(4), kd.SoftTargets(teacher, temperature=3), epochs=1)
    made = kd.bench.form(student)
    stands = {name: control.value for name, control in choices.controls(made["form"]).items()}
    assert (stands["student"], stands["teacher"], stands["T"], stands["omit"]) == (kd.mlp(4), teacher, 3, "no class")
    name, card = made["train"](None, **stands | {"seeds": 2, "T": 2, "label_weight": 0.3, "epochs": 2})
    assert "temperature 2, hard weight 0.3, soft weight 0.7" in name and "2 epochs, 2 seeds" in name
    assert len(card["scores"]["student"]) == 2 and "unseen" not in card["scores"]["student"][0]
    asked = kd.explorers.bench({"first": card}, **made)
    _, height = Image.open(io.BytesIO(asked.picture.value)).size
    shown = base64.b64decode(asked._repr_mimebundle_()["image/png"])
    assert Image.open(io.BytesIO(shown)).height > height


def test_a_form_begins_with_a_student_of_one_teacher(digits):
    with pytest.raises(ValueError, match="one teacher recipe"):
        kd.bench.form(kd.Recipe(digits, kd.mlp(4), kd.HardLabels()))


def test_panels_have_a_row_a_group_a_dot_a_seed_and_one_scale_of_rows():
    axes = kd.figures.score_panels({"labels alone": ALONE, "T = 4": idea(ties=-0.18)})
    assert [ax.get_xlabel().split(",")[0].split(":")[0] for ax in axes] == [
        "accuracy", "agreement with the teacher", "ties lost",
    ]  # fmt: skip
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["labels alone", "T = 4"]
    assert axes[0].lines[0].get_xdata().tolist() == [88, 87, 89]
    assert "0.020" in [text.get_text() for text in axes[2].texts]


def test_panels_refuse_a_score_that_is_unknown_or_lacking():
    with pytest.raises(ValueError, match="no panel for 'rightness'"):
        kd.figures.score_panels({"a": ALONE}, ["rightness"])
    with pytest.raises(ValueError, match="has no 'ece'"):
        kd.figures.score_panels({"a": ALONE}, ["ece"])
    with pytest.raises(ValueError, match="as many axes"):
        kd.figures.score_panels({"a": ALONE}, ["kl", "accuracy"], axes=[plt.gca()])


def test_what_is_asked_of_a_loss_from_a_cell_is_known_when_the_cell_runs_again(digits):
    from kdviz.publish import reference
    from kdviz.runs import asked

    def written():
        def halved(student, teacher, share=0.5):
            return share * (student["logits"] - teacher["logits"]).square().mean()

        teacher = kd.Recipe(digits, kd.mlp(4), kd.HardLabels(), epochs=1)
        return kd.Recipe(digits, kd.mlp(4), kd.objective(halved)(teacher), epochs=1)

    first, again = written(), written()
    try:
        asked[first].add("weights")
        names = reference.asked_by_key()
        assert first != again and names[again.key] == {"weights"}
        assert names[again.replace(seed=1).key] == set()
    finally:
        asked.pop(first)
