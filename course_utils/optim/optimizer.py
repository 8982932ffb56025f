"""What all optimizers share: the loop over parameters, and a state that can be saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from course_utils.layers.base import Layer

State = dict[str, Any]  # what an optimizer remembers of one parameter: tensors and step counts


class Optimizer:
    """Moves the parameters of a layer against the gradients in its ``grads``.

    ``step()`` belongs after ``backward()``. Every parameter that has a gradient is replaced by a
    new tensor, nothing is changed in place; one without stays as it is. There is no
    ``zero_grad``, because a layer's ``backward`` overwrites ``grads``.

    Names, defaults and arithmetic are those of torch.optim. The options, such as ``lr``, are plain
    attributes and may be changed between steps.

    A subclass says in `update` where one parameter goes.

    Example:
        >>> optimizer = SGD(net, lr=0.1)
        >>> loss(net(x), y)
        >>> net.backward(loss.backward())
        >>> optimizer.step()
    """

    def __init__(self, layer: Layer, lr: float, **options: Any) -> None:
        if lr < 0:
            raise ValueError(f"{type(self).__name__}: lr must not be negative, got {lr}")
        self.layer, self.lr = layer, lr
        self.state: dict[str, State] = {}
        for name, value in options.items():
            if isinstance(value, float) and value < 0 and name != "dampening":
                raise ValueError(f"{type(self).__name__}: {name} must not be negative, got {value}")
            setattr(self, name, value)

    def update(self, parameter: Tensor, gradient: Tensor, state: State) -> Tensor:
        """The parameter after this step; ``state`` starts empty and is this method's to fill."""
        raise NotImplementedError

    def step(self) -> None:
        gradients = self.layer.grads
        for name, parameter in list(self.layer.named_parameters()):
            if name in gradients:
                state = self.state.setdefault(name, {})
                self.layer.assign(name, self.update(parameter, gradients[name], state))

    def state_dict(self) -> dict[str, Any]:
        """Options and state, made of numbers and tensors, from which training can go on."""
        options = {name: v for name, v in vars(self).items() if name not in ("layer", "state")}
        return {"options": options, "state": {name: dict(s) for name, s in self.state.items()}}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`: its options, and copies of its tensors.

        Raises:
            ValueError: it is that of another kind of optimizer, or of another layer. Nothing is
                changed then.
        """
        kind = type(self).__name__
        parameters = dict(self.layer.named_parameters())
        own = {name for name in vars(self) if name not in ("layer", "state")}
        if not own <= saved["options"].keys():
            raise ValueError(f"{kind}: the state has no {sorted(own - saved['options'].keys())}")
        for name, state in saved["state"].items():
            if name not in parameters:
                raise ValueError(f"{kind}: the state knows {name!r}, which the layer has not")
            for what, tensor in _tensors(state).items():
                if tensor.shape != parameters[name].shape:
                    raise ValueError(
                        f"{kind}: {what} of {name} is {tuple(tensor.shape)} in the state to load, "
                        f"the parameter is {tuple(parameters[name].shape)}"
                    )
        self.__dict__ |= saved["options"]
        self.state = {
            name: state
            | {k: t.detach().to(parameters[name], copy=True) for k, t in _tensors(state).items()}
            for name, state in saved["state"].items()
        }


def _tensors(state: State) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}
