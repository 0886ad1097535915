"""Masked words: what is hidden and what it costs, against plain loops in float64; resumed, and gone on from."""

import math

import pytest
import torch
from interrupting import interrupted_as_undisturbed

import kdviz as kd
from kdviz.objectives import MaskedWords
from kdviz.training.arrays import Array

LOOK_UP = kd.load("lookup")
WORDS = len(LOOK_UP.vocabulary)
NET = kd.transformer(2, 8, 2, vocabulary=WORDS, dropout=0.1)


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def recipe_of(net=NET, objective=None, **other):
    said = {"epochs": 0.2, "batch_size": 32, "learning_rate": 1e-2, "seed": 3} | other
    return kd.Recipe(said.pop("data", LOOK_UP), net, objective or MaskedWords(WORDS, 0.3), **said)


def sequences(n, length, vocabulary):
    tokens = torch.randint(2, vocabulary, (n, length), generator=torch.Generator().manual_seed(1))
    return tokens * (torch.arange(length) < torch.arange(n)[:, None] % (length + 1))  # of 0 to length tokens


@pytest.mark.parametrize("share", [0.15, 0.4, 0.99])
def test_of_each_sequence_its_share_is_hidden_and_never_padding(share):
    tokens = sequences(44, 10, 30)[None]
    torch.manual_seed(0)
    seen, told = MaskedWords(30, share).shown(tokens.double())
    assert seen.dtype == torch.float64 and torch.equal(tokens == 0, seen == 0)
    for row in range(44):
        length = row % 11
        places = [
            10 - end for end, counts in zip(told["from_end"][0, row], told["counts"][0, row], strict=True) if counts
        ]
        assert len(places) == len({*map(int, places)}) == (length and max(1, round(share * length))), row
        assert all(place < length for place in places)
        true = told["true"][0, row][told["counts"][0, row]]
        assert true.tolist() == [tokens[0, row, place] for place in places]
        others = [place for place in range(10) if place not in places]
        assert torch.equal(seen[0, row, others].long(), tokens[0, row, others])


def test_eight_in_ten_are_hidden_one_is_another_word_and_all_places_are_chosen_alike():
    tokens = torch.full((1, 40_000, 10), 7)
    torch.manual_seed(0)
    seen, told = MaskedWords(12, 0.2).shown(tokens)
    assert told["counts"].sum() == 80_000
    found = torch.bincount(seen.flatten(), minlength=12)
    assert found[1] / 80_000 == pytest.approx(0.8, abs=0.01) and found[0] == 0
    for word in {*range(2, 12)} - {7}:
        assert found[word] / 80_000 == pytest.approx(0.01, abs=0.002)
    assert torch.bincount(told["from_end"].flatten())[1:].tolist() == pytest.approx([8_000] * 10, rel=0.06)
    again, _ = MaskedWords(12, 0.2).shown(tokens)
    assert not torch.equal(again, seen)


@pytest.mark.parametrize("pool", ["cls", "mean"])
def test_the_loss_is_that_of_a_plain_loop_over_hidden_places(pool, double):
    net = kd.transformer(2, 8, 2, vocabulary=WORDS, pool=pool)
    array = Array([recipe_of(net), recipe_of(net), recipe_of(net, seed=4)], {}, "cpu")
    assert not array.schedule.shared and len(array.schedule.data_of) == 2
    objective = array.first.objective
    for shared in (False, True):
        students = 2 if shared else 3
        tokens = sequences(7, 6, WORDS).expand(1 if shared else 3, -1, -1).double()
        seen, told = objective.shown(tokens)
        networks = [kd.networks.loaded(net.build((6,), 4), array.network.state_of(i)).double() for i in range(students)]
        extra = {name: weight[:students] for name, weight in array.extra.items()}
        with torch.no_grad():
            each = [network.eval()(seen[0 if shared else i]) for i, network in enumerate(networks)]
            outputs = {name: torch.stack([of[name] for of in each]) for name in each[0]}
            labels = torch.randint(0, 4, (students, 7))
            weights = torch.tensor([0.3, 1.0, 2.0])[:students], torch.tensor([0.0, 0.5, 2.0])[:students]
            losses = objective.losses(outputs, labels, {}, extra | told, *weights)
            hard = [torch.nn.functional.cross_entropy(outputs["logits"][i], labels[i]).item() for i in range(students)]
        for i in range(students):
            stream, terms = 0 if shared else i, []
            for row in range(7):
                for k in range(told["true"].shape[-1]):
                    if not told["counts"][stream, row, k]:
                        continue
                    place = 6 - told["from_end"][stream, row, k] + (pool == "cls")
                    h = outputs["hidden 2"][i, row, place].tolist()
                    mean = sum(h) / 8
                    spread = math.sqrt(sum((x - mean) ** 2 for x in h) / 8 + 1e-5)
                    weight, bias = extra["guess.weight"][i].tolist(), extra["guess.bias"][i].tolist()
                    z = [
                        sum(w * (x - mean) / spread for w, x in zip(weight[v], h, strict=True)) + bias[v]
                        for v in range(WORDS)
                    ]
                    terms.append(math.log(sum(map(math.exp, z))) - z[int(told["true"][stream, row, k])])
            wanted = weights[0][i].item() * sum(terms) / len(terms) + weights[1][i].item() * hard[i]
            assert losses[i].item() == pytest.approx(wanted, abs=1e-9)


def test_padding_alone_costs_nothing(double):
    array = Array([recipe_of()], {}, "cpu")
    seen, told = array.first.objective.shown(torch.zeros(1, 4, 6))
    assert not seen.any() and not told["counts"].any()
    labels, weights = torch.zeros(1, 4, dtype=torch.int64), (torch.ones(1), torch.zeros(1))
    loss = array.first.objective.losses(array.network(seen), labels, {}, array.extra | told, *weights)
    assert loss.tolist() == [0]


def test_labels_have_no_say_and_unlabelled_sentences_do():
    tokens, labels = LOOK_UP.full_train.inputs[:320], LOOK_UP.full_train.labels[:320]
    test = LOOK_UP.test.inputs[:50], LOOK_UP.test.labels[:50]
    own = [kd.data_of(train=(tokens, y), test=test, classes=LOOK_UP.classes) for y in (labels, labels.roll(1))]
    runs = [kd.train(recipe_of(data=data, epochs=2), store=None) for data in own]
    for name in runs[0].arrays:
        assert torch.equal(runs[0].arrays[name], runs[1].arrays[name])
    bare = kd.data_of(train=(tokens, labels), test=test, classes=LOOK_UP.classes, unlabelled=tokens)
    run = kd.train(recipe_of(data=bare.unlabelled(), epochs=2), store=None)
    assert torch.equal(run.arrays["test_logits"], runs[0].arrays["test_logits"])
    with pytest.raises(ValueError, match="labels"):
        recipe_of(data=bare.unlabelled(), objective=MaskedWords(WORDS, hard_weight=1))


def test_beside_masked_words_labels_are_learnt():
    both = recipe_of(objective=MaskedWords(WORDS, 0.15, masked_weight=0.1, hard_weight=1), epochs=2)
    alone, labels = both.replace(masked_weight=1, hard_weight=0), both.replace(masked_weight=0)
    wrong = [1 - run.history["test_accuracy"][-1] for run in kd.train([both, alone, labels], store=None)]
    assert max(wrong[0], wrong[2]) < 0.6 < wrong[1]


def test_a_network_learns_to_guess_and_its_last_layer_stays(store):
    recipe = recipe_of(epochs=6)
    run = kd.train(recipe, store=store)
    assert run.history["loss"][-1] < run.history["loss"][0] - 0.3
    assert not any("guess" in name for name in run.arrays)
    torch.manual_seed(0)
    short = kd.train(recipe_of(epochs=0.1, weight_decay=0), store=None).network()
    begun = Array([recipe_of(weight_decay=0)], {}, "cpu").network.state_of(0)
    assert torch.equal(short.head.weight, begun["head.weight"]) and torch.equal(short.norm.weight, begun["norm.weight"])
    assert not torch.equal(short.tokens.weight, begun["tokens.weight"])


@pytest.mark.parametrize("new_head", [False, True])
def test_labels_go_on_from_it(new_head):
    guessed = recipe_of(weight_decay=0)
    parents = {guessed: kd.train(guessed, store=None)}
    after = recipe_of(objective=kd.HardLabels(), init=guessed, new_head=new_head, seed=9)
    mine, theirs = Array([after], parents, "cpu").network.state_of(0), parents[guessed].network().state_dict()
    same = {name for name in mine if torch.equal(mine[name], theirs[name])}
    assert {*mine} - same == ({"head.weight", "head.bias"} if new_head else set())
    cut = after.replace(model=kd.transformer(1, 8, 2, vocabulary=WORDS), new_head=False, init_layers=(2,))
    mine = Array([cut], parents, "cpu").network.state_of(0)
    assert torch.equal(mine["layers.0.projections.weight"], theirs["layers.1.projections.weight"])


def test_resumed_it_ends_as_undisturbed_and_a_seed_gives_one_run():
    several = [recipe_of(epochs=1), recipe_of(epochs=1, seed=4)]
    one, other = interrupted_as_undisturbed(several, {})
    assert not torch.equal(one.arrays["test_logits"], other.arrays["test_logits"])


@pytest.mark.parametrize(("made", "told"), [
    (lambda: MaskedWords(30, 0), r"share, of tokens that are masked, lies between 0 and 1, not at 0"),
    (lambda: MaskedWords(30, 1), "between 0 and 1, not at 1"),
    (lambda: MaskedWords(30, -0.2), "between 0 and 1, not at -0.2"),
    (lambda: MaskedWords(30, float("nan")), "not at nan"),
    (lambda: MaskedWords(30, "some"), "share of masked words"),
    (lambda: MaskedWords(30, masked_weight=0), "not both 0"),
    (lambda: MaskedWords(30, hard_weight=-1), "at least 0"),
    (lambda: MaskedWords(2), "vocabulary of MaskedWords"),
    (lambda: MaskedWords(30.5), "vocabulary of MaskedWords"),
    (lambda: recipe_of(objective=MaskedWords(WORDS + 1)), f"among {WORDS + 1} tokens, the network knows {WORDS}"),
    (lambda: recipe_of(net=kd.mlp(5)), "for a transformer, which reads tokens"),
    (lambda: recipe_of(init=recipe_of(), frozen=True), "frozen trains the last layer alone"),
])  # fmt: skip
def test_what_does_not_go_is_told(made, told):
    with pytest.raises(ValueError, match=told):
        made()
