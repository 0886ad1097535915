"""The playground: its teacher is what one command makes, and the page's arithmetic is torch's."""

import json
import shutil
import subprocess

import playing
import pytest
import torch

from kdviz import explorers
from kdviz.explorers import modules, plane, view
from kdviz.explorers.playground import CHOICES, START, TRIES
from kdviz.publish import playground

RUN = """
const [code, ...given] = JSON.parse(require("fs").readFileSync(0, "utf8"));
eval(code)((name) => import(`./${name}.js`), ...given).then((found) => console.log(JSON.stringify(found)));
"""


@pytest.fixture(scope="module")
def reckoned(tmp_path_factory):
    """``reckoned(code, *given)``: what the page's modules give, run by Node."""
    node = shutil.which("node") or pytest.skip("no Node here: the browser's tests ask the same")
    folder = tmp_path_factory.mktemp("views")
    for path in modules.FOLDER.glob("*.js"):
        shutil.copy(path, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "run.cjs").write_text(RUN)

    def reckoned(code, *given):
        command = [node, folder / "run.cjs"]
        run = subprocess.run(command, input=json.dumps([code, *given]), capture_output=True, text=True, check=True)
        return json.loads(run.stdout)

    return reckoned


@pytest.mark.parametrize("setting", playing.SETTINGS, ids=lambda setting: "T={} hard={} noise={}".format(*setting))
def test_points_gradient_and_steps_are_torchs(reckoned, setting):
    playing.check(reckoned(playing.CODE, plane.teacher()["layers"], *setting, 7), *setting, 7)


def test_fewer_points_are_the_first_of_more_and_noise_spoils_the_same():
    few, labels, spoilt = plane.points(30, 0.1, 3)
    many, others, more = plane.points(400, 0.4, 3)
    assert torch.equal(many[:30], few) and (more[:30] | ~spoilt).all()
    assert torch.equal(labels[spoilt], others[:30][spoilt]) and 0.33 < more.double().mean() < 0.47
    assert ((plane.points(400, 0.0, 3)[1] == others) == ~more).all()


def wrong(logits, places):
    return 100 * (logits.argmax(-1) != plane.likeliest(places)).double().mean().item()


def test_the_shipped_teacher_is_small_and_knows_the_plane():
    assert plane.KEPT.stat().st_size <= 20_000
    _, places = plane.disc(101)
    assert wrong(plane.answers(places), places) < 5


@pytest.mark.slow
def test_the_shipped_teacher_is_what_the_command_makes(monkeypatch):
    _, places = plane.disc(101)
    shipped = plane.answers(places)
    made = playground.teacher()
    monkeypatch.setattr(plane, "teacher", lambda: {"layers": made})
    assert (plane.answers(places).argmax(-1) == shipped.argmax(-1)).double().mean() > 0.98


CONTEST = """async (load, layers, rounds, state) => {
  const [plane, { contest, STEPS }, sums] = await Promise.all(["plane", "rounds", "sums"].map(load));
  const unpacked = layers.map(({ weight, scale, bias }) =>
    ({ weight: sums.unpacked(weight), scale: sums.unpacked(scale), bias: sums.unpacked(bias) }));
  const grid = plane.disc(41);
  const game = contest(unpacked, grid, new Uint8Array(grid.count));
  const found = [];
  for (let seed = 1; seed <= rounds; seed++) {
    game.restart({ ...state, seed });
    game.soften(state.temperature);
    while (game.steps < STEPS) game.step(state);
    game.count();
    found.push(game.students.map(({ wrong }) => wrong));
  }
  return [found, game.score];
}"""


def test_what_the_page_tells_to_try_happens(reckoned):
    """Rounds of each try: % of the disc wrong of the student on soft targets, and of the one on labels."""
    told = [reckoned(CONTEST, plane.teacher()["layers"], 10, START | changed) for _, changed, _ in TRIES]
    (first, score), (cool, _), (spoilt, _), (hot, score_of_hot) = told
    assert sum(soft < labels - 2 for soft, labels in first) >= 9 and score["truth"][0] >= 9
    assert sum(cold > soft + 2 for (cold, _), (soft, _) in zip(cool, first, strict=True)) >= 9
    assert all(labels > soft + 8 for soft, labels in spoilt)
    assert sum(labels < soft for soft, labels in hot) >= 7  # labels may win, and it is counted
    assert score_of_hot["truth"][1] >= 6 and all(sum(wins) == 10 for wins in score_of_hot.values())


def test_the_explorer_carries_the_teacher_and_says_what_it_cannot_do():
    explorer = explorers.playground(temperature=0.1)
    assert explorer.data["layers"] == plane.teacher()["layers"] and explorer.state["temperature"] == 0.1
    told = view.told_of(explorer._repr_mimebundle_()[0][view.VIEW])
    assert told["view"] == "playground" and explorer.picture().startswith(b"\x89PNG")
    for each in told["data"]["tries"]:
        assert all(each["state"][name] in values for name, values in CHOICES.items())
    for given, said in (
        ({"temperature": 3}, "temperature is one of 0.1, .* not 3"), ({"seed": -1}, "whole number from 0"),
        ({"speed": 1}, "no control 'speed', but temperature"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            explorers.playground(**given)
