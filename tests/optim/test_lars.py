from __future__ import annotations

import copy

import torch

from codo.optim.lars import LARS


def test_two_steps_by_hand() -> None:
    weight = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))  # length 5
    bias = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = LARS([weight, bias], lr=2.0, momentum=0.5, weight_decay=0.1, trust=0.01)
    weight.grad, bias.grad = torch.tensor([[0.0, 1.0]]), torch.tensor([1.0])
    optimizer.step()
    gradient = torch.tensor([[0.3, 1.4]])  # with decay
    velocity = 0.01 * 5 / gradient.norm() * gradient
    first = torch.tensor([[3.0, 4.0]]) - 2 * velocity
    assert torch.allclose(weight, first)
    assert torch.allclose(bias, torch.tensor([-1.0]))  # neither decay nor trust
    weight.grad, bias.grad = torch.zeros(1, 2), torch.zeros(1)
    optimizer.step()
    gradient = 0.1 * first
    velocity = 0.5 * velocity + 0.01 * first.norm() / gradient.norm() * gradient
    assert torch.allclose(weight, first - 2 * velocity)
    assert torch.allclose(bias, torch.tensor([-2.0]))


def test_biases_like_all_other_parameters_by_hand() -> None:
    """SwAV's LARC: a trust ratio and weight decay for parameters of one dimension, too."""
    bias, zero = torch.nn.Parameter(torch.tensor([3.0, 4.0])), torch.nn.Parameter(torch.tensor([0.0]))
    optimizer = LARS([bias, zero], lr=2.0, weight_decay=0.1, trust=0.01, biases=True)
    bias.grad, zero.grad = torch.tensor([0.0, 1.0]), torch.tensor([1.0])
    optimizer.step()
    gradient = torch.tensor([0.3, 1.4])
    assert torch.allclose(bias, torch.tensor([3.0, 4.0]) - 2 * 0.01 * 5 / gradient.norm() * gradient)
    assert torch.allclose(zero, torch.tensor([-2.0]))


def test_nesterov_by_hand() -> None:
    weight, bias = torch.nn.Parameter(torch.tensor([[3.0, 4.0]])), torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = LARS([weight, bias], lr=2.0, momentum=0.5, trust=0.2, nesterov=True)
    weight.grad, bias.grad = torch.tensor([[0.0, 1.0]]), torch.tensor([1.0])
    optimizer.step()  # both trust ratios are 1 (0.2 of length 5), velocities 1
    assert torch.allclose(weight, torch.tensor([[3.0, 4 - 2 * (1 + 0.5 * 1)]]))
    assert torch.allclose(bias, torch.tensor([1 - 2 * (1 + 0.5 * 1)]))
    optimizer.step()
    ratio = 0.2 * 10**0.5  # of the weight, which is (3, 1) now
    assert torch.allclose(weight, torch.tensor([[3.0, 1 - 2 * (ratio + 0.5 * (0.5 + ratio))]]))
    assert torch.allclose(bias, torch.tensor([-2 - 2 * (1 + 0.5 * 1.5)]))


def test_states_of_earlier_versions_go_on_as_they_were() -> None:
    """They had neither Nesterov's momentum nor LARS for biases, whatever the settings of their run said."""
    weight = torch.nn.Parameter(torch.ones(2, 2))
    state = LARS([weight], lr=1.0).state_dict()
    del state["param_groups"][0]["nesterov"], state["param_groups"][0]["biases"]
    again = LARS([weight], lr=1.0, nesterov=True, biases=True)
    again.load_state_dict(state)
    assert again.param_groups[0]["nesterov"] is False
    assert again.param_groups[0]["biases"] is False


def test_no_gradient_and_zero_length_are_no_trouble() -> None:
    weight, idle = torch.nn.Parameter(torch.zeros(2, 2)), torch.nn.Parameter(torch.ones(2, 2))
    optimizer = LARS([weight, idle], lr=1.0)
    weight.grad = torch.ones(2, 2)
    optimizer.step()
    assert torch.equal(weight, -torch.ones(2, 2))  # a trust ratio of 1 where there is no length
    assert torch.equal(idle, torch.ones(2, 2))


def test_state_is_saved_and_loaded() -> None:
    weight = torch.nn.Parameter(torch.ones(2, 2))
    optimizer = LARS([weight], lr=1.0)
    weight.grad = torch.ones(2, 2)
    optimizer.step()
    again = LARS([torch.nn.Parameter(weight.detach().clone())], lr=1.0)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    (other,) = again.param_groups[0]["params"]
    other.grad = torch.ones(2, 2)
    optimizer.step()
    again.step()
    assert torch.equal(weight, other)
