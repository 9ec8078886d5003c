"""What the lists of gradients share: a call in float64, its gradients by autograd, and how far off float32 may be."""

from collections.abc import Callable, Mapping

import torch
from cases import Cases, Source
from torch import Tensor

Values = Mapping[str, Tensor]

# The relative error of one rounding to float32, and what a result below the range of float32's exp may lose.
UNIT = 2.0**-24
FLOOR = 2.0**-100


def differentiate(
    call: Callable[..., dict[str, Tensor]],
    operands: Values,
    cotangents: Values,
    dtype: torch.dtype,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The results of `call`, and the gradients of sum(cotangents * results) by the operand's name, all in `dtype`."""
    leaves = {name: tensor.detach().to(dtype).requires_grad_() for name, tensor in operands.items()}
    results = call(**leaves)
    gradients = torch.autograd.grad(
        list(results.values()),
        list(leaves.values()),
        [cotangents[name].to(dtype) for name in results],
        allow_unused=True,
        materialize_grads=True,
    )
    return {name: result.detach() for name, result in results.items()}, dict(zip(leaves, gradients, strict=True))


def add_gradients(
    cases: Cases,
    name: str,
    operator: str,
    attributes: dict,
    operands: Values,
    call: Callable[..., dict[str, Tensor]],
    errors: Callable[[Values, Values, Values], Mapping[str, Tensor]],
    *,
    constants: Mapping[str, Tensor | None] | None = None,
    stores_results: bool = True,
    state: tuple[str, ...] = (),
    finite: bool = True,
    **fields: object,
) -> None:
    """Adds a case: operands and constants as inputs, results and gradients (`<operand>_gradient`) as outputs.

    `call` takes the operands, float32 or float64, and gives its results by name; a normal cotangent is drawn for
    each, which is the input `<result>_cotangent` (a single number has the cotangent 1, and none is stored). Operands
    named in `state` are a module's parameters. torch computes in float64, and the answers are rounded once. `errors`
    takes the operands, the cotangents and torch's float32 run; it gives the largest error of a float32 computation
    for each output, without that rounding. Raises ValueError where torch's own float32 run is further off, and where
    an answer isn't `finite`.
    """
    source = Source(f"{name}/cotangents")
    shapes = {result: tensor.shape for result, tensor in call(**operands).items()}
    cotangents = {
        result: source.normal(*shape) if len(shape) > 0 else torch.ones(()) for result, shape in shapes.items()
    }
    exact = flat(*differentiate(call, operands, cotangents, torch.float64))
    rounded = flat(*differentiate(call, operands, cotangents, torch.float32))
    wide = {key: tensor.double() for key, tensor in operands.items()}
    bounds = errors(wide, {key: tensor.double() for key, tensor in cotangents.items()}, rounded)
    if not stores_results:
        exact = {key: tensor for key, tensor in exact.items() if key not in shapes}
    tolerances = {}
    for key, truth in exact.items():
        if finite and not torch.isfinite(truth).all():
            raise ValueError(f"{name}: torch's {key} is not finite")
        # The stored answer is rounded too.
        tolerance = bounds[key].expand(truth.shape) + UNIT * truth.abs() + (FLOOR * (bounds[key] > 0))
        tolerance = tolerance.where(torch.isfinite(truth), 0.0)
        # In two bytes, and never less for it.
        tolerances[key] = (tolerance * (1 + 2.0**-7)).to(torch.bfloat16)
        difference = (rounded[key].double() - truth).abs().where(torch.isfinite(truth), 0.0)
        if not (difference <= tolerance).all():
            raise ValueError(
                f"{name}: torch's float32 {key} is {(difference / tolerance).max()} times as far off as allowed"
            )
        if not torch.isfinite(tolerance).all():
            raise ValueError(f"{name}: the tolerance of {key} is not finite")
    inputs = {key: tensor for key, tensor in operands.items() if key not in state} | dict(constants or {})
    for result, cotangent in cotangents.items():
        if cotangent.ndim > 0:
            inputs[f"{result}_cotangent"] = cotangent
    cases.add(
        name,
        operator,
        attributes,
        inputs,
        {key: tensor.float() for key, tensor in exact.items()},
        state={key: operands[key] for key in state} if state else None,
        tolerances=tolerances,
        **fields,
    )


def flat(results: Values, gradients: Values) -> dict[str, Tensor]:
    return {**results, **{f"{name}_gradient": tensor for name, tensor in gradients.items()}}


def sums(call: Callable[..., dict[str, Tensor]], terms: int) -> Callable[[Values, Values, Values], dict[str, Tensor]]:
    """Of a function that is linear in each operand: (N + 2) 2^-24 sum(abs(terms)), with at most N = `terms` terms in a sum.

    The sums of absolute terms are what the function itself, and its gradients, are for absolute values.
    """

    def errors(operands: Values, cotangents: Values, _: Values) -> dict[str, Tensor]:
        absolute = {key: tensor.abs() for key, tensor in operands.items()}
        weights = {key: tensor.abs() for key, tensor in cotangents.items()}
        magnitudes = flat(*differentiate(call, absolute, weights, torch.float64))
        return {key: (terms + 2) * UNIT * tensor for key, tensor in magnitudes.items()}

    return errors
