"""BatchNorm statistics of given data, by hand, and that nothing of them is left behind."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from codo.models.batch_statistics import data_statistics, tracking_layers


def tiny() -> nn.Sequential:
    """BatchNorm, dropout, a factor of 10, BatchNorm; in evaluation mode."""
    net = nn.Sequential(
        nn.BatchNorm1d(1, eps=1e-30), nn.Dropout(), nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1, eps=1e-30)
    )
    nn.init.constant_(net[2].weight, 10)
    return net.eval()


DATA = torch.tensor([[1.0], [3.0], [5.0], [7.0]])


def test_the_tiny_network_by_hand() -> None:
    net = tiny()
    before = copy.deepcopy(net.state_dict())
    stale = net(DATA)
    assert stale.flatten().tolist() == [10, 30, 50, 70]  # as if mean 0 and variance 1 were those of the data
    with data_statistics(tracking_layers([net]), lambda: net(DATA)):
        # Mean 4, deviations 3, 1, 1, 3: variance 5 in the batch, 20/3 with Bessel's correction. Normalized by the batch
        # the second layer gets 10 times the numbers of variance 1: variance 100, 400/3 corrected.
        assert net[0].running_mean.item() == 4
        assert net[0].running_var.item() == pytest.approx(20 / 3)
        assert net[3].running_mean.item() == pytest.approx(0, abs=1e-6)
        assert net[3].running_var.item() == pytest.approx(400 / 3)
        expected = 10 * (DATA - 4) / (20 / 3) ** 0.5 / (400 / 3) ** 0.5
        torch.testing.assert_close(net(DATA), expected)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(net(DATA), stale)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_statistics_of_maps_whose_mean_is_far_from_zero(layout: torch.memory_format) -> None:
    """float32 sums of squares would have no correct digit: variance 1 beside a square of a million."""
    values = 1000 + torch.randn(6, 3, 40, 50, generator=torch.Generator().manual_seed(0))
    layer = nn.BatchNorm2d(3).eval()
    with data_statistics([layer], lambda: layer(values.to(memory_format=layout))):
        exact = values.double().movedim(1, -1).flatten(0, -2)
        torch.testing.assert_close(layer.running_mean.double(), exact.mean(dim=0), rtol=1e-6, atol=0)
        torch.testing.assert_close(layer.running_var.double(), exact.var(dim=0), rtol=1e-5, atol=0)


def test_statistics_are_over_all_batches_and_modes_and_random_numbers_stay() -> None:
    net, random = tiny(), torch.get_rng_state()

    def in_two() -> None:
        for part in (DATA[:1], DATA[1:]):
            net(part)
        assert not any(module.training for module in net.modules())

    with data_statistics([net[0]], in_two):
        assert net[0].running_mean.item() == 4
        assert net[0].running_var.item() == pytest.approx(20 / 3)
        assert net[3].running_var.item() == 1  # not asked for
    assert torch.equal(torch.get_rng_state(), random)


def test_layers_without_values_keep_their_own_and_without_layers_nothing_is_computed() -> None:
    net, unused = tiny(), nn.BatchNorm1d(1).eval()
    with data_statistics([net[0], unused], lambda: net(DATA)):
        assert (unused.running_mean.item(), unused.running_var.item()) == (0, 1)
    with data_statistics([], lambda: pytest.fail("computed for nothing")):
        pass


def test_after_an_error_everything_is_as_before() -> None:
    net = tiny()
    before = copy.deepcopy(net.state_dict())

    def broken() -> None:
        net(DATA)
        raise ValueError("torn")

    with pytest.raises(ValueError, match="torn"), data_statistics(tracking_layers([net]), broken):
        pass
    with pytest.raises(ValueError, match="later"), data_statistics(tracking_layers([net]), lambda: net(DATA)):
        raise ValueError("later")
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_code_compiled_before_has_no_hooks_left() -> None:
    net = tiny()
    net.compile(backend="eager")
    expected = net(DATA)
    with data_statistics(tracking_layers([net]), lambda: net(DATA)):
        assert not torch.equal(net(DATA), expected)
    assert torch.equal(net(DATA), expected)
    assert torch.equal(net(2 * DATA), 2 * expected)


def test_layers_are_found_once_and_only_those_with_statistics() -> None:
    net, without = tiny(), nn.BatchNorm1d(1, track_running_stats=False)
    assert tracking_layers([net, net[0], without]) == [net[0], net[3]]
