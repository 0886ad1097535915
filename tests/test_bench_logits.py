"""Logits from anywhere: the files they come in, and the card they give."""

import math
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import kdviz as kd

DRAWS = torch.Generator().manual_seed(0)
V, Z = (3 * torch.randn(60, 4, generator=DRAWS) for _ in range(2))
Y = torch.arange(60) % 4


def save(path, **arrays):
    if path.suffix == ".npz":
        np.savez(path, **{name: np.asarray(array) for name, array in arrays.items()})
    else:
        save_file({name: torch.as_tensor(array).contiguous() for name, array in arrays.items()}, path)
    return path


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_logits_come_back_from_files_and_give_the_same_card(tmp_path, kind):
    one, both = tmp_path / f"z.{kind}", tmp_path / f"all.{kind}"
    save(one, anything=Z), save(both, teacher=V, labels=Y, student=Z + 1)
    read = kd.bench.read_logits([one, both], both, both)
    card = kd.bench.card_of_logits(**read, controls={"labels alone": [V + 2]})
    assert card["scores"]["student"] == [kd.measures.scores(z, V, Y) for z in (Z, Z + 1)]
    assert card["scores"]["labels alone"] == [kd.measures.scores(V + 2, V, Y)]
    assert card["classes"] == ["0", "1", "2", "3"]
    assert kd.bench.card_of_logits([Z], V, Y)["scores"]["student"] == [kd.measures.scores(Z, V, Y)]


def test_half_precision_from_elsewhere_is_read(tmp_path):
    both = save(tmp_path / "half.safetensors", student=Z.bfloat16(), teacher=V.half(), labels=Y.to(torch.uint8))
    read = kd.bench.read_logits(both, both, both)
    torch.testing.assert_close(read["students"][0], Z.bfloat16().float())
    assert read["labels"].dtype == torch.int64


WRONG = {
    "one-hot": (dict(labels=torch.eye(4)[Y]), "take the argmax"),
    "labels of another set": (dict(labels=Y + 1), "labels must lie in 0..3"),
    "labels that are shares": (dict(labels=Y + 0.5), "whole numbers"),
    "fewer labels": (dict(labels=Y[1:]), "60 labels, not"),
    "fewer rows": (dict(student=Z[1:]), "logits of two shapes"),
    "probabilities": (dict(student=Z.softmax(-1)), "the logarithm of the probabilities"),
    "not finite": (dict(student=torch.cat([Z[:59], torch.full((1, 4), -math.inf)])), "1 of 60 examples are not finite"),
    "one row": (dict(teacher=V[0]), r"shape \(examples, classes\)"),
}


@pytest.mark.parametrize("named", WRONG)
@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_files_that_do_not_fit_are_refused_with_the_reason(tmp_path, kind, named):
    changed, reason = WRONG[named]
    path = save(tmp_path / f"all.{kind}", **{"student": Z, "teacher": V, "labels": Y, **changed})
    with pytest.raises(ValueError, match=f"all.{kind}.*{reason}"):
        kd.bench.read_logits(path, path, path)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    good = save(tmp_path / "all.npz", student=Z, teacher=V, labels=Y)
    unnamed = save(tmp_path / "two.npz", a=Z, b=V)
    with pytest.raises(ValueError, match="two.npz holds a, b: name one of them 'teacher'"):
        kd.bench.read_logits(good, unnamed, good)
    for kind in ("npz", "safetensors"):
        whole = save(tmp_path / f"whole.{kind}", student=Z)
        cut = tmp_path / f"cut.{kind}"
        cut.write_bytes(whole.read_bytes()[:300])
        with pytest.raises(ValueError, match=f"cut.{kind}"):
            kd.bench.read_logits(cut, good, good)
    np.savez(tmp_path / "objects.npz", np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match=r"objects.npz"):
        kd.bench.read_logits(tmp_path / "objects.npz", good, good)
    (tmp_path / "model.pt").write_bytes(b"1")
    with pytest.raises(ValueError, match=r"neither .npz nor .safetensors"):
        kd.bench.read_logits(tmp_path / "model.pt", good, good)
    with pytest.raises(FileNotFoundError, match=r"no file gone.npz"):
        kd.bench.read_logits(good, tmp_path / "gone.npz", good)
    with pytest.raises(ValueError, match="no student"):
        kd.bench.read_logits([], good, good)


WRONG_LOGITS = {
    "a tensor": (dict(students=Z), "student: give a list of logits"),
    "none": (dict(students=[]), "student: give a list of logits"),
    "a control that is a tensor": (dict(controls={"other": Z}), "other: give a list"),
    "a control of a taken name": (dict(controls={"teacher": [Z]}), "name the controls otherwise"),
    "too few names": (dict(classes="abc"), "of 4 classes, and 3 names"),
    "probabilities in half precision": (dict(students=[Z.softmax(-1).half()]), "student holds probabilities"),
    "complex": (dict(students=[Z + 1j]), "student: logits are real"),
}


@pytest.mark.parametrize("named", WRONG_LOGITS)
def test_logits_that_make_no_card_are_refused(named):
    changed, reason = WRONG_LOGITS[named]
    with pytest.raises(ValueError, match=reason):
        kd.bench.card_of_logits(**{"students": [Z], "teacher": V, "labels": Y, **changed})


def test_logits_from_numpy_or_out_of_a_graph_make_a_card():
    leaf = Z.clone().requires_grad_()
    card = kd.bench.card_of_logits([Z.numpy(), leaf], V.numpy(), Y.numpy(), classes=range(4))
    kd.figures.card(**card)
    assert card["classes"] == ["0", "1", "2", "3"]


def test_files_of_another_kind_are_refused_in_words(tmp_path):
    good = save(tmp_path / "all.npz", student=Z, teacher=V, labels=Y)
    role = save(tmp_path / "role.npz", teacher=V)
    with pytest.raises(ValueError, match="role.npz holds teacher: name one of them 'student'"):
        kd.bench.read_logits(role, good, good)
    column = save(tmp_path / "column.npz", labels=Y[:, None])
    with pytest.raises(ValueError, match="flatten them"):
        kd.bench.read_logits(good, good, column)
    more = save(tmp_path / "more.npz", labels=torch.cat([Y, Y]))
    with pytest.raises(ValueError, match="60 labels, not"):
        kd.bench.read_logits(good, good, more)
    np.save(tmp_path / "plain.npy", Z.numpy())
    (tmp_path / "plain.npy").rename(tmp_path / "plain.npz")
    with pytest.raises(ValueError, match="plain.npz: File is not a zip file"):
        kd.bench.read_logits(tmp_path / "plain.npz", good, good)
    np.savez(tmp_path / "other_end.npz", student=Z.numpy().astype(">f4"))
    torch.testing.assert_close(kd.bench.read_logits(tmp_path / "other_end.npz", good, good)["students"][0], Z)


def test_damaged_locked_and_strange_files_are_refused_in_words(tmp_path):
    good = save(tmp_path / "all.npz", student=Z, teacher=V, labels=Y)
    np.savez_compressed(tmp_path / "packed.npz", student=Z.numpy())
    packed = (tmp_path / "packed.npz").read_bytes()
    wrong = {
        "damaged": (packed[:120] + bytes(200) + packed[320:], "write it again"),
        "locked": (changed(packed, 6, 1), "student.npy is encrypted: save it without a password"),
        "strange": (changed(packed, 8, 99), "compression"),
    }
    for name, (content, reason) in wrong.items():
        (tmp_path / f"{name}.npz").write_bytes(content)
        with pytest.raises(ValueError, match=rf"^{name}.npz: .*{reason}"):
            kd.bench.read_logits(tmp_path / f"{name}.npz", good, good)
    with zipfile.ZipFile(tmp_path / "notes.npz", "w") as notes:
        notes.writestr("student.txt", "no array")
    with pytest.raises(ValueError, match="notes.npz: student.txt is no array"):
        kd.bench.read_logits(tmp_path / "notes.npz", good, good)


def changed(packed: bytes, place: int, value: int) -> bytes:
    """An archive of one member with another byte in both of its headers; the second's fields stand two bytes on."""
    for start, at in ((b"PK\x03\x04", place), (b"PK\x01\x02", place + 2)):
        at += packed.index(start)
        packed = packed[:at] + bytes([value]) + packed[at + 1 :]
    return packed


def test_a_file_that_unpacks_to_a_thousand_times_its_size_is_not_read(tmp_path, monkeypatch):
    good = save(tmp_path / "all.npz", student=Z, teacher=V, labels=Y)
    np.savez_compressed(tmp_path / "bomb.npz", student=np.zeros((20_000, 100)))
    monkeypatch.setattr(kd.bench.logits, "LARGE", 2**20)
    with pytest.raises(ValueError, match=r"bomb.npz: .* bytes unpack to 16,000,\d\d\d"):
        kd.bench.read_logits(tmp_path / "bomb.npz", good, good)


def test_numbers_beyond_single_precision_are_not_infinite(tmp_path):
    large = save(tmp_path / "large.npz", student=1e300 * Z.double(), teacher=V, labels=Y)
    with pytest.raises(ValueError, match=r"large.npz: logits up to \d\S*e\+30\d do not fit float32"):
        kd.bench.read_logits(large, large, large)
