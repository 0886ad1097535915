"""Claims and papers."""

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from scipy import stats

from kdviz import claims, papers


@pytest.fixture(autouse=True)
def session(monkeypatch):
    monkeypatch.setattr(claims, "MADE", {})


def decide(excess, rule="interval", unit="students", **more):
    return claims.check("It holds.", excess, rule=rule, unit=unit, **more)


def test_a_claim_as_text_has_no_number_of_the_run():
    claim = decide([0.91, 0.95, 0.99], numbers={"T = 1, share": [0.91, 0.95, 0.99]}, why="never shown")
    assert repr(claim) == "✓ It holds." and claim.holds
    # by hand: s = .04, t of 2 degrees 4.3027, so half = 4.3027 · .04 / √3 = .09937
    assert "by 0.95 ± 0.0994 (95 % t-interval, 3 students)" in claim._repr_html_()
    assert "T = 1, share: 0.91, 0.95, 0.99" in claim._repr_html_() and "never shown" not in claim._repr_html_()


def test_an_interval_has_three_verdicts_and_a_reason_where_it_does_not_hold():
    against, open_ = (decide(excess, why="too few steps < 10") for excess in ([-3, -2, -3, -2, -3], [3, -2, 3, -2, 3]))
    assert [repr(against)[0], repr(open_)[0]] == ["✗", "?"] and not against.holds and not open_.holds
    assert all("too few steps &lt; 10" in claim._repr_html_() for claim in (against, open_))
    assert "cannot tell" in open_.decided_by and "cannot tell" not in against.decided_by
    # s = 2.7386, mean 1: (1.95996 + .84162)² · 7.5 + 1.95996² / 2 = 60.8
    assert "about 61 students would decide it four times in five" in open_.decided_by


def test_the_first_claim_that_units_decide_says_how_to_read_one():
    fact, first, other = (
        claims.check("It is so.", True, rule="fact"), decide([1, 2, 3]),
        claims.check("It holds, too.", [1.0, 2, 3], rule="interval", unit="nets"),
    )  # fmt: skip
    assert [claims.KEY in claim._repr_html_() for claim in (fact, first, other, decide([1, 2, 4]))] == [0, 1, 0, 1]
    assert claims.KEY not in claims.table()._repr_html_()


def test_a_reason_says_whether_the_opposite_is_shown_or_nothing():
    assert "Why not: hot" in decide([-3, -2, -3], why="hot")._repr_html_()
    assert "Why it stays open: hot" in decide([-3, 2, -3], why="hot")._repr_html_()


def test_what_would_be_needed_shows_it_four_times_in_five():
    values = np.array([3.0, -2, 3, -2, 3])
    n, effect = 61, values.mean() / values.std(ddof=1)
    beyond = stats.t.ppf(0.975, n - 1)
    assert stats.nct.sf(beyond, n - 1, effect * n**0.5) == pytest.approx(0.8, abs=0.01)
    assert "over 1,000" in decide([1, -1, 1, -1, 0.01]).decided_by
    assert "an interval needs 3 students" in decide([4.0]).decided_by and decide([4.0]).verdict == "?"


def test_the_same_sign_decides_from_five_units_on():
    verdicts = [
        decide(excess, "same sign").verdict for excess in ([1, 9, 1, 1, 1], [-1, -9, -1, -1, -1], [1, 1, 1, 1, 0])
    ]
    assert verdicts == ["✓", "✗", "?"]
    assert decide([1, 9, 1, 1, 1]).verdict == "?"  # the interval is another rule
    assert "4 of 5 (students in which it is true)" in decide([1, 1, 1, 1, -1], "same sign").decided_by
    with pytest.raises(ValueError, match="from 5 units on: with 4 take rule='interval'"):
        decide([1, 1, 1, 1], "same sign")


def test_students_of_one_teacher_are_averaged_first():
    excess = [1.0, 2.0, 0.2, 1.0, 2.0]
    assert decide(excess).holds
    claim = decide(excess, unit="teachers", by=[0, 1, 2, 0, 1])
    assert claim.verdict == "?" and "by 1.067 ± 2.24 (95 % t-interval, 3 teachers)" in claim.decided_by
    with pytest.raises(ValueError, match="with 3 take rule='interval'"):
        decide(excess, "same sign", by=[0, 1, 2, 0, 1])
    with pytest.raises(ValueError, match="5 units, but `by` names what 3 share"):
        decide(excess, by=[0, 1, 2])


def test_no_difference_needs_a_margin_said_beforehand():
    excess = [0.2, -0.1, 0.1, -0.2, 0.1]
    assert [decide(excess, "within", margin=m).verdict for m in (0.3, 0.1)] == ["✓", "?"]
    assert decide([5.1, 4.9, 5.0], "within", margin=1).verdict == "✗"
    assert decide([-5.1, -4.9, -5.0], "within", margin=1).verdict == "✗"
    assert "margin 0.3" in decide(excess, "within", margin=0.3).decided_by
    for rule, margin in (("within", None), ("within", 0), ("interval", 1)):
        with pytest.raises(ValueError, match="a margin above 0 belongs to the rule 'within'"):
            decide(excess, rule, margin=margin)


def test_of_several_parts_each_must_hold():
    yes, no, open_ = [1.0, 1.1, 1.2, 1.1, 1.0], [-1.0, -1.1, -1.2, -1.1, -1.0], [3.0, -2, 3, -2, 3]
    for parts, verdict in (((yes, yes), "✓"), ((yes, open_), "?"), ((yes, open_, no), "✗")):
        assert decide(dict(zip("abc", parts, strict=False))).verdict == verdict
    claim = decide(pd.DataFrame({"T = 1": yes, "T = 2": open_}))
    assert claim.decided_by.startswith("T = 1: by 1.08 ± 0.104; T = 2: by 1 ± 3.4 (95 % t-interval, 5 students)")
    assert decide(pd.DataFrame({"a": yes, "b": [1, 1, 1, 1, -1]}), "same sign").verdict == "?"


def test_a_fact_has_no_units():
    assert claims.check("It holds.", True, rule="fact").holds
    assert repr(claims.check("It holds.", np.bool_(False), rule="fact")) == "✗ It holds."
    for wrong in (dict(excess=[True]), dict(excess=1.0), dict(excess=True, unit="nets"), dict(excess=True, by=[1])):
        with pytest.raises(ValueError, match="a fact is True or False and has no units"):
            claims.check("It holds.", rule="fact", **wrong)


def test_a_claim_needs_something_to_be_decided_by():
    for nothing in ([], "yes", [True, False], {}, pd.DataFrame({"a": [False]}), [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="numbers, one a unit, not True or False"):
            decide(nothing)
    for odd in ([1.0, float("nan")], {"a": [1.0, 2.0], "b": [1.0]}):
        with pytest.raises(ValueError, match="finite numbers, as many for each"):
            decide(odd)
    with pytest.raises(ValueError, match="say what the units are"):
        decide([1.0, 2.0, 3.0], unit="")
    with pytest.raises(ValueError, match="one of the rules interval, same sign, within, fact, not 'vote'"):
        decide([1.0, 2.0, 3.0], rule="vote")
    assert decide(torch.tensor([-1.0, -1.1, -0.9]), numbers={"a": torch.tensor(3.0)}).verdict == "✗"


def test_the_claims_of_a_session_are_one_table():
    for sentence, excess in (("One < two.", [1, 2, 1]), ("Two.", [-1, -1.1, -1]), ("One < two.", [1, -2, 1])):
        claims.check(sentence, excess, rule="interval", unit="nets", numbers={"seen": 77})
    table = claims.table()
    assert repr(table) == "2 claims: 0 ✓, 1 ✗, 1 ?\n? One < two.\n✗ Two."
    html = table._repr_html_()
    assert html.count("<tr>") == 3 and "One &lt; two." in html and "by 0 ± 4.3" in html and "77" not in html


def test_facts_and_the_table_beside():
    assert papers.reported("hinton_mnist_main", "teacher_errors") == 67
    table = papers.beside(("errors", "hinton_mnist_omit3", "errors_after", "110"))
    assert table.loc["errors"].tolist() == [109, "110", "section 3"]


def test_unknown_entries_and_quantities_say_what_there_is():
    with pytest.raises(ValueError, match=r"no entry 'hinton'.*papers.entries\(\) lists them"):
        papers.facts("hinton")
    with pytest.raises(ValueError, match="hinton_mnist_main reports no 'errors', but teacher_errors"):
        papers.reported("hinton_mnist_main", "errors")


def test_every_entry_has_a_public_source_and_nothing_is_recalled():
    entries = yaml.safe_load(papers.FACTS.read_text(encoding="utf-8"))
    assert len({entry["id"] for entry in entries}) == len(entries) > 30
    for entry in entries:
        assert entry["marker"] in ("verified", "digitised") and entry["reported"]
        reproduced = entry["id"].endswith("_reproduced") and "reproductions" in entry["where"]  # not the paper's own
        assert reproduced or entry["source"][0] == f"arXiv:{entry['arxiv']}"
        assert all(source.startswith(("arXiv:", "github.com/")) for source in entry["source"])


def test_a_title_is_the_finding_where_the_claim_holds():
    titles = [decide(excess).title("found", "neutral") for excess in ([3, 3.1, 3.2], [-3, -3.1, -3.2], [-3, 3, 1])]
    assert titles == ["found", "neutral", "neutral"]


def test_a_title_is_the_opposite_only_where_that_is_shown():
    cases = ([3, 3.1, 3.2], [-3, -3.1, -3.2], [-3, 3, 1])
    titles = [decide(excess).title("found", "neutral", "the opposite") for excess in cases]
    assert titles == ["found", "the opposite", "neutral"]


def test_beside_the_paper_numbers_are_written_with_their_interval():
    row = ("errors", "hinton_mnist_main", "teacher_errors")
    # s = 2, t of 2 degrees 4.3027: half = 4.3027 · 2 / √3 = 4.968
    assert papers.beside((*row, [68, 70, 72]), (*row, "none")).here.tolist() == ["70.0 ± 5.0", "none"]
