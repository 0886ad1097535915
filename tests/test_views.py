"""Explorers that answer in the page: what is shown where, what a page carries, what its script is made of."""

import base64
import io
import json
import re

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
import traitlets
from carried import unpacked
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from kdviz import explorers, figures
from kdviz.explorers import modules, view
from kdviz.publish import living, slides
from kdviz.publish.deck import slides_of

VIEWS = sorted(
    path.stem for path in modules.FOLDER.glob("*.js") if "export default" in path.read_text(encoding="utf-8")
)


@pytest.fixture
def bounds():
    return explorers.bounds(0.9, 0.8)


@pytest.fixture
def shown(monkeypatch):
    """What an explorer displays, one bundle after another."""
    shown = []
    monkeypatch.setattr(view, "display", lambda data, raw, metadata=None: shown.append(data))
    return shown


def test_executed_for_committing_it_is_a_picture_with_name_and_data(bounds, monkeypatch, shown):
    monkeypatch.setenv("KDVIZ_STATIC", "1")
    with pytest.raises(NotImplementedError):  # so IPython asks for the bundle
        bounds._ipython_display_()
    bundle, _ = bounds._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/png", view.VIEW} and not shown
    assert set(bundle[view.VIEW]) == {"view", "told"}  # one line in a notebook's file
    assert view.told_of(bundle[view.VIEW]) == {"view": "bounds", "data": bounds.data, "state": {"a": 0.9, "b": 0.8}}
    assert bundle["text/plain"] == "Explorer(a=0.9, b=0.8)"
    assert Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).size == (990, 308)
    assert bundle == bounds._repr_mimebundle_()[0]


def test_alive_the_picture_stands_before_the_widget_so_that_it_is_there_the_day_after(bounds, shown):
    bounds._ipython_display_()
    picture, widget = shown
    assert re.match(
        '<img class="kdviz-still" alt="The explorer as a picture" src="data:image/png;base64,', picture["text/html"]
    )
    assert view.ONE_OF_BOTH in picture["text/html"] and view.WIDGET not in picture
    assert widget[view.WIDGET]["model_id"] == bounds.model_id and "image/png" not in widget


def test_a_control_that_does_not_exist_is_named(bounds):
    bounds.choose(a=0.5)
    assert bounds.state == {"a": 0.5, "b": 0.8}
    with pytest.raises(traitlets.TraitError, match="c: no control here; there are a, b"):
        bounds.choose(c=1)


@pytest.mark.parametrize("kind", ["float32", "int8", "uint16"])
def test_an_array_comes_back_as_it_was(kind):
    array = np.arange(6, dtype=kind).reshape(2, 3)
    told = json.loads(json.dumps(view.packed(torch.from_numpy(array.astype(float)), kind)))
    np.testing.assert_array_equal(unpacked(told), array)


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="values from 0 to 300 do not fit uint8"):
        view.packed(torch.tensor([0, 300]), "uint8")


def test_a_sprite_holds_the_images_dark_on_white():
    images = torch.zeros(20, 1, 2, 3)
    images[17, 0, 1, 2] = 1.0
    told = view.sprite(images)
    page = np.asarray(Image.open(io.BytesIO(base64.b64decode(told["png"]))).convert("L"))
    assert page.shape == (4, 48) and (told["rows"], told["across"], told["sides"]) == (2, 16, [2, 3])
    assert page[3, 3 + 2] == 0 and (page == 255).sum() == page.size - 1


def test_the_colours_are_the_figures(bounds):
    for name, colour in figures.COLOURS.items():
        assert f"--{name.replace(' ', '-')}: {colour};" in bounds._css


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_a_short_module_that_fetches_nothing(name):
    own = (modules.FOLDER / f"{name}.js").read_text(encoding="utf-8")
    assert own.count("\n") <= 150
    source = modules.source(name)
    assert "import " not in re.sub("//.*", "", source) and source.count("export ") == 1
    assert "fetch(" not in source and "://" not in source.replace("http://www.w3.org/2000/svg", "")


def test_modules_that_are_joined_have_no_name_twice():
    shared = {part for name in ["host", *VIEWS] for part in modules.parts(name)[:-1]}
    names = []
    declared = re.compile(r"^(?:export )?(?:function|const|let|class) (?:(\w+)|[\[{]([^\]}]+)[\]}])", re.MULTILINE)
    for part in sorted(shared):
        for one, several in declared.findall((modules.FOLDER / f"{part}.js").read_text(encoding="utf-8")):
            names += [one] if one else re.findall(r"\w+", several)
    of_the_playground = {"board", "maps", "net", "plane", "rounds", "scene", "traces"}
    assert shared == {"chart", "encoder", "ink", "page", "pairs", "sums"} | of_the_playground and len(names) > 40
    assert len(names) == len(set(names)), [name for name in names if names.count(name) > 1]


def explored(bounds, alt="Two bars."):
    bundle, _ = bounds._repr_mimebundle_()
    return new_code_cell("bounds()", outputs=[new_output("display_data", bundle)], metadata={"alt": alt})


def test_a_page_is_brought_to_life_once_and_the_notebook_stays_as_it_was(bounds):
    notebook = new_notebook(cells=[new_markdown_cell("# Two"), explored(bounds), explored(bounds, 'Of "a" & b.')])
    nbformat.validate(notebook)
    page = living.alive(notebook)
    first, second = (cell.outputs[0].data["text/html"] for cell in page.cells[1:])
    assert first.startswith('<div class="kdviz-place"><img class="kdviz-still" alt="Two bars."')
    assert 'alt="Of &quot;a&quot; &amp; b."' in second
    assert first.count("<script") == 1 and second.count("<script") == 2 and second.count("views.bounds = ") == 1
    told = json.loads(re.search('<script type="application/json">(.*?)</script>', first)[1])
    assert told == {"view": "bounds", "data": bounds.data, "state": bounds.state}
    assert set(notebook.cells[1].outputs[0].data) == {"text/plain", "image/png", view.VIEW}


def test_data_cannot_end_their_script(bounds):
    bounds.data = {"texts": ["</script><b>"]}
    data = bounds._repr_mimebundle_()[0]
    assert living.place(data, "").count("</script>") == 1


def test_an_explorer_lives_on_its_slide_also_where_another_is_on_none(bounds):
    shown, hidden = explored(bounds), explored(bounds, "On no slide.")
    shown.metadata["slide"] = {"say": "Drag them."}
    notebook = new_notebook(cells=[new_markdown_cell("# Two"), shown, hidden])
    (slide,) = slides_of(living.alive(notebook))
    assert "kdviz-place" in slide.shown[-1].data
    page = slides.page(notebook, "two")
    assert page.count("views.bounds = ") == 1 and "On no slide." not in page


def test_logits_make_a_scatter_and_predictions_none():
    generator = torch.Generator().manual_seed(0)
    nets = {
        "teacher": [torch.randn(40, 3, generator=generator)],
        "student": [9 * torch.randn(40, 3, generator=generator)],
    }
    ties = {"raw": {name: [torch.corrcoef(z.T) for z in some] for name, some in nets.items()}}
    given = torch.zeros(40, 1, 4, 4), torch.arange(40) % 3, ["a", "b", "c"]
    with_logits = explorers.correlations(ties, lambda name, seed: nets[name][seed], *given)
    without = explorers.correlations(ties, lambda name, seed: nets[name][seed].argmax(-1), *given)
    sample = with_logits.data.pop("sample")
    assert with_logits.data == without.data and with_logits.state == without.state
    back = unpacked(sample["values"]) * np.array(sample["scales"])[:, None, None]
    for name, found, scale in zip(nets, back, sample["scales"], strict=True):
        assert np.abs(found - nets[name][0].numpy()).max() <= 0.501 * scale
    assert sample["labels"] == [i % 3 for i in range(40)]
    with pytest.raises(ValueError, match=r"what predictions gives must have shape \(N, C\), N = 40, C = 3"):
        explorers.correlations(ties, lambda name, seed: nets[name][seed][:, :2], *given)


def test_any_two_columns_against_each_other(monkeypatch):
    table = pd.DataFrame({"a": [1, 2, 3], "b": [0.1, 0.2, float("nan")], "kind": ["x", "y", "x"]})
    chart = explorers.scatter(table, "a", "b", "kind")
    live = chart._repr_mimebundle_()
    assert set(live) == {"text/plain", "image/png", "application/vnd.plotly.v1+json"}
    shown = json.loads(json.dumps(live["application/vnd.plotly.v1+json"]))
    assert [(trace["name"], trace["x"]) for trace in shown["data"]] == [("x", [1, 3]), ("y", [2])]
    assert shown["data"][1]["text"] == ["a: 2<br>b: 0.2<br>kind: y"] and shown["config"]["showSendToCloud"] is False
    across, up = shown["layout"]["updatemenus"]
    assert [button["label"] for button in across["buttons"]] == ["x: a", "x: b"] and up["active"] == 1
    assert across["buttons"][1]["args"][1] == {"xaxis.title.text": "b"}
    monkeypatch.setenv("KDVIZ_STATIC", "1")
    assert set(chart._repr_mimebundle_()) == {"text/plain", "image/png"}
    with pytest.raises(ValueError, match="'kind' is no column of numbers: there are a, b"):
        explorers.scatter(table, "kind", "b", "kind")
    with pytest.raises(ValueError, match="'c' is no column: there are a, b, kind"):
        explorers.scatter(table, "a", "b", "c")


def test_reliability_and_shared_starts_say_what_they_need():
    logits, labels = torch.randn(50, 10), torch.arange(50) % 10
    explorer = explorers.reliability({"net": logits}, labels, bins=10)
    np.testing.assert_array_equal(unpacked(explorer.data["answers"]["net"]), logits)
    assert explorer.picture().startswith(b"\x89PNG")
    for wrong, said in (({"bins": 1}, "2 to 50"), ({"temperature": 5.5}, "not 5.5")):
        with pytest.raises(ValueError, match=said):
            explorers.reliability({"net": logits}, labels, **wrong)
    history = {"epoch": [1, 2], "train_agreement": [0.2, 0.4], "test_accuracy": [0.1, 0.2]}
    start = explorers.shared_start([0, 0.5], [[0.1, 0.1], [0.2, 0.3]], [[history] * 2] * 2)
    assert start.data["histories"][1][0] == {"epoch": [1, 2], "agreement": [0.2, 0.4]}
    assert start.picture().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="2 shares need as many"):
        explorers.shared_start([0, 0.5], [[0.1]], [[history]])
