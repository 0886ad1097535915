"""Claims and papers."""

import pandas as pd
import pytest
import torch
import yaml

from kdviz import claims, papers


def test_a_claim_as_text_has_no_number_of_the_run():
    claim = claims.check("It holds.", [True, True, True], numbers={"share": [0.91, 0.95, 0.99]})
    assert repr(claim) == "✓ It holds." and claim.holds
    assert "3 of 3 seeds" in claim._repr_html_() and "share: 0.91, 0.95, 0.99" in claim._repr_html_()


def test_one_seed_against_it_is_enough_and_the_reason_is_given():
    claim = claims.check("It holds.", [True, False], why="too few steps < 10")
    assert repr(claim) == "✗ It holds." and not claim.holds
    assert "1 of 2 seeds" in claim._repr_html_() and "too few steps &lt; 10" in claim._repr_html_()
    assert "too few" not in claims.check("It holds.", True, why="too few")._repr_html_()


def test_a_claim_needs_something_to_be_decided_by():
    for nothing in ([], "yes", [1, 0], pd.DataFrame({"a": [False]})):
        with pytest.raises(ValueError, match="True or False for at least one seed"):
            claims.check("It holds.", nothing)
    assert not claims.check("It holds.", torch.tensor([1.0, -1.0]) > 0, numbers={"a": torch.tensor(3.0)}).holds


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
        assert entry["source"][0] == f"arXiv:{entry['arxiv']}"
        assert all(source.startswith(("arXiv:", "github.com/")) for source in entry["source"])
