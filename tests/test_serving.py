"""What a smaller network costs: bytes that hold it whole, times, zeros that stay where they are."""

import pytest
import torch

import kdviz as kd
from kdviz.compression import in_int8, milliseconds, packed, quantised, unpacked, without_smallest


@pytest.fixture
def network():
    torch.manual_seed(0)
    return kd.mlp(30, 20).build((1, 8, 8), 10).eval()


@pytest.mark.parametrize("per", ["tensor", "row"])
@pytest.mark.parametrize("scale", ["maximum", "error"])
@pytest.mark.parametrize("bits", range(1, 9))
def test_a_rounded_network_comes_back_from_its_bytes(network, bits, per, scale):
    rounded = quantised(network, bits, per=per, scale=scale).state_dict()
    file = packed(rounded, bits, per)
    found = unpacked(file)
    assert found.keys() == rounded.keys()
    for name, weight in rounded.items():
        torch.testing.assert_close(found[name], weight)
    weights = 64 * 30 + 30 * 20 + 20 * 10
    beside = 4 * (60 + (60 if per == "row" else 3))  # biases and scales
    assert weights * bits / 8 + beside <= len(file) < weights * bits / 8 + beside + 1500  # names and shapes


def test_a_kernel_of_four_axes_is_packed_too():
    weight = {"kernel": torch.randn(4, 3, 2, 2), "bias": torch.randn(4)}
    rounded = quantised(weight, 3, per="row")
    found = unpacked(packed(rounded, 3, "row"))
    assert all(torch.allclose(found[name], rounded[name]) for name in weight)


def test_as_it_is_nothing_is_lost(network):
    found = unpacked(packed(network))
    assert all(torch.equal(found[name], weight) for name, weight in network.state_dict().items())
    assert len(packed(network)) > 2.5 * len(packed(quantised(network, 8), 8))


def test_what_is_on_no_grid_is_refused(network):
    with pytest.raises(ValueError, match=r"trunk.2.weight does not lie on a grid of 3 bits.*: quantise it first"):
        packed(network, 3)
    with pytest.raises(ValueError, match="in 1 to 8 bits, or in 32: not in 16"):
        packed(network, 16)


def test_smallest_weights_are_zero_and_the_rest_stays(network):
    sparse = without_smallest(network, 0.75)
    for before, after in zip(network.parameters(), sparse.parameters(), strict=True):
        if before.ndim == 1:
            assert torch.equal(before, after)
            continue
        assert (after == 0).sum() == round(0.75 * before.numel())
        assert torch.equal(after[after != 0], before[after != 0])
        assert before[after == 0].abs().max() <= before[after != 0].abs().min()
    with pytest.raises(ValueError, match="in \\[0, 1\\), not 1.0"):
        without_smallest(network, 1)


def test_what_is_smaller_is_faster_and_threads_are_put_back():
    inputs = torch.randn(256, 784)
    nets = {str(width): kd.mlp(width, width).build((784,), 10).eval() for width in (8, 1000)}
    threads = torch.get_num_threads()
    took = milliseconds(nets, inputs, times=5)
    assert took["8"] < took["1000"] and torch.get_num_threads() == threads


def test_torchs_int8_answers_nearly_as_the_network(network):
    inputs = torch.randn(200, 1, 8, 8)
    with torch.no_grad():
        whole, rounded = network(inputs)["logits"], in_int8(network)(inputs)["logits"]
    assert not torch.equal(whole, rounded) and (whole - rounded).abs().max() < 0.05 * whole.abs().max()
