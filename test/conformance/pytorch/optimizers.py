"""Steps of torch.optim's SGD, Adam and AdamW on given gradients, clip_grad_norm_, and OneCycleLR."""

import math

import torch
from cases import INFINITY, Cases, Source
from gradients import UNIT
from torch import Tensor

STEPS = 20
STORED_STEPS = (1, 2, 5, 20)
SHAPES = {"first": (3, 5), "second": (7,)}


def add_steps(
    cases: Cases,
    name: str,
    operator: str,
    arguments: dict,
    *,
    own: dict[str, dict] | None = None,
    missing: dict[str, list[int]] | None = None,
    zero: list[int] | None = None,
    amplitude: float = 1.0,
) -> None:
    """Adds twenty steps of two parameters, which are stored after some of them.

    `arguments` are the optimizer's, `own` those of a group of its own for a parameter; at the steps in `missing`
    (from 1) a parameter has no gradient, at those in `zero` both have one of zeros. torch computes in float64.
    """
    name = f"optimizer_{name}"
    source = Source(name)
    own, missing, zero = own or {}, missing or {}, zero or []
    start = {key: source.normal(*shape) for key, shape in SHAPES.items()}
    gradients = {key: source.normal(STEPS, *shape) * amplitude for key, shape in SHAPES.items()}
    for key in gradients:
        gradients[key][[step - 1 for step in zero]] = 0

    def run(dtype: torch.dtype) -> dict[str, Tensor]:
        parameters = {key: torch.nn.Parameter(tensor.to(dtype, copy=True)) for key, tensor in start.items()}
        groups = [{"params": [parameter], **own.get(key, {})} for key, parameter in parameters.items()]
        optimizer = getattr(torch.optim, operator)(groups, **arguments, foreach=False, fused=False)
        stored = {}
        for step in range(1, STEPS + 1):
            for key, parameter in parameters.items():
                absent = step in missing.get(key, [])
                parameter.grad = None if absent else gradients[key][step - 1].to(dtype, copy=True)
            optimizer.step()
            if step in STORED_STEPS:
                for key, parameter in parameters.items():
                    stored[f"{key}_{step}"] = parameter.detach().clone()
        return stored

    exact, rounded = run(torch.float64), run(torch.float32)
    tolerances = {}
    for key, parameter in start.items():
        group = {**arguments, **own.get(key, {})}
        bound = {}
        errors = (momentum_errors if operator == "SGD" else adam_errors)(
            operator, group, parameter.double(), gradients[key].double(), missing.get(key, [])
        )
        for step in STORED_STEPS:
            bound[f"{key}_{step}"] = errors[step - 1]
        for stored, tensor in bound.items():
            tolerance = UNIT * (tensor + exact[stored].abs())
            if not ((rounded[stored].double() - exact[stored]).abs() <= tolerance).all():
                raise ValueError(f"{name}: torch's float32 {stored} is further off than allowed")
            tolerances[stored] = (tolerance * (1 + 2.0**-7)).to(torch.bfloat16)
    cases.add(
        name,
        operator,
        {**arguments, "own": own, "missing": missing},
        {**start, **{f"{key}_gradients": tensor for key, tensor in gradients.items()}},
        {key: tensor.float() for key, tensor in exact.items()},
        tolerances=tolerances,
    )


# Errors in units of 2^-24, after each step. A step rounds the parameter twice, and its own change is off by the
# roundings of this step and by those of the averages, which gain at most three a step. What the parameter is off
# comes back through the weight decay, times lr.


def momentum_errors(_: str, group: dict, parameter: Tensor, gradients: Tensor, missing: list[int]) -> list[Tensor]:
    rate, momentum, decay = group["lr"], group.get("momentum", 0.0), group.get("weight_decay", 0.0)
    total, buffer, errors, taken = torch.zeros_like(parameter), torch.zeros_like(parameter), [], 0
    size = parameter.abs()
    for step, gradient in enumerate(gradients, 1):
        if step not in missing:
            taken += 1
            # Magnitudes: neither the buffer nor the parameter cancels in them.
            buffer = momentum * buffer + gradient.abs() + decay * size
            change = rate * (gradient.abs() + decay * size + momentum * buffer + buffer)
            size = size + change
            total = total * (1 + 2 * rate * decay) + 2 * size + (8 + 3 * taken) * change
        errors.append(total)
    return errors


def adam_errors(operator: str, group: dict, parameter: Tensor, gradients: Tensor, missing: list[int]) -> list[Tensor]:
    rate, (beta1, beta2), eps = group["lr"], group.get("betas", (0.9, 0.999)), group.get("eps", 1e-8)
    decay = group.get("weight_decay", 0.01 if operator == "AdamW" else 0.0)
    coupled, decoupled = (decay, 0.0) if operator == "Adam" else (0.0, decay)
    total, errors, taken = torch.zeros_like(parameter), [], 0
    mean, mean_size, square, square_size, largest = (torch.zeros_like(parameter) for _ in range(5))
    for step, gradient in enumerate(gradients, 1):
        if step not in missing:
            taken += 1
            full, full_size = gradient + coupled * parameter, gradient.abs() + coupled * parameter.abs()
            mean = beta1 * mean + (1 - beta1) * full
            mean_size = beta1 * mean_size + (1 - beta1) * full_size
            square = beta2 * square + (1 - beta2) * full**2
            # Where the decay cancels the gradient, the square is off by more than its own units.
            square_size = beta2 * square_size + (1 - beta2) * full_size * full.abs()
            largest = torch.maximum(largest, square) if group.get("amsgrad", False) else square
            deviation = (largest / (1 - beta2**taken)).sqrt() + eps
            factor = rate / (1 - beta1**taken) / deviation
            cancellation = torch.where(square > 0, square_size / square, 1.0)
            parameter = parameter * (1 - rate * decoupled) - factor * mean
            total = total * (1 + 2 * rate * decay) + 3 * parameter.abs() + 3 * factor * mean_size
            total = total + (16 + 3 * taken) * cancellation * factor * mean_size
        errors.append(total)
    return errors


def sgd(cases: Cases) -> None:
    for label, arguments in [
        ("plain", {"lr": 0.1}),
        ("decay", {"lr": 0.1, "weight_decay": 0.05}),
        ("momentum", {"lr": 0.05, "momentum": 0.9}),
        ("dampening", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3}),
        ("nesterov", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
        ("all", {"lr": 0.05, "momentum": 0.8, "dampening": 0.1, "weight_decay": 0.1}),
        ("nesterov_decay", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    ]:
        add_steps(cases, f"sgd_{label}", "SGD", arguments)
    momentum = {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.02}
    add_steps(cases, "sgd_groups", "SGD", momentum, own={"second": {"lr": 0.2, "weight_decay": 0.0}})
    add_steps(cases, "sgd_missing", "SGD", momentum, missing={"second": [1, 4, 5]})
    add_steps(cases, "sgd_zero", "SGD", momentum, zero=[3, 4])


def adam(cases: Cases) -> None:
    for operator in ("Adam", "AdamW"):
        prefix = operator.lower()
        for label, arguments in [
            ("default", {}),
            ("lr", {"lr": 0.05}),
            ("betas", {"lr": 0.02, "betas": [0.8, 0.95]}),
            ("eps", {"lr": 0.02, "eps": 0.1}),
            ("decay", {"lr": 0.02, "weight_decay": 0.1}),
            ("no_decay", {"lr": 0.02, "weight_decay": 0.0}),
            ("amsgrad", {"lr": 0.02, "betas": [0.8, 0.7], "amsgrad": True}),
            ("all", {"lr": 0.02, "betas": [0.7, 0.8], "eps": 1e-3, "weight_decay": 0.1, "amsgrad": True}),
        ]:
            add_steps(cases, f"{prefix}_{label}", operator, {"lr": 1e-3, **arguments})
        rate = {"lr": 0.02, "weight_decay": 0.05}
        add_steps(cases, f"{prefix}_groups", operator, rate, own={"second": {"lr": 0.1, "weight_decay": 0.0}})
        add_steps(cases, f"{prefix}_missing", operator, rate, missing={"second": [1, 4, 5], "first": [2]})
        add_steps(cases, f"{prefix}_zero", operator, rate, zero=[3, 4])
        add_steps(cases, f"{prefix}_small_gradients", operator, rate | {"weight_decay": 0.0}, amplitude=1e-5)


def clipping(cases: Cases) -> None:
    """clip_grad_norm_ of two gradients."""
    not_a_number = Source("clip_nan").normal(7)
    not_a_number[3] = float("nan")
    infinite = Source("clip_infinite").normal(7)
    infinite[3] = INFINITY
    for label, largest, second in [
        ("scaled", 1.0, Source("clip_scaled").normal(7)),
        ("kept", 100.0, Source("clip_kept").normal(7)),
        ("to_zero", 0.0, Source("clip_to_zero").normal(7)),
        ("zeros", 1.0, torch.zeros(7)),
        ("large", 1.0, Source("clip_large").normal(7) * 1e15),
        ("small", 1.0, Source("clip_small").normal(7) * 1e-15),
        ("nan", 1.0, not_a_number),
        ("infinite", 1.0, infinite),
    ]:
        name = f"clip_grad_norm_{label}"
        first = torch.zeros(3, 5) if label == "zeros" else Source(f"{name}/first").normal(3, 5)
        parameters = [torch.nn.Parameter(torch.zeros(tensor.shape).double()) for tensor in (first, second)]
        for parameter, gradient in zip(parameters, (first, second), strict=True):
            parameter.grad = gradient.double()
        norm = torch.nn.utils.clip_grad_norm_(parameters, largest, foreach=False)
        outputs = {"norm": norm, "first": parameters[0].grad, "second": parameters[1].grad}
        cases.add(
            name,
            "clip_grad_norm_",
            {"max_norm": largest},
            {"first": first, "second": second},
            {key: tensor.float() for key, tensor in outputs.items()},
            # The norm, the sum with 1e-6, the quotient and the product are rounded, and the stored answer.
            tolerances={
                key: (6 * UNIT * tensor.abs().nan_to_num(0.0, 0.0)).to(torch.bfloat16)
                for key, tensor in outputs.items()
            },
        )


def one_cycle(cases: Cases) -> None:
    """Factors of OneCycleLR's largest rate for every step. (The other schedules are transformers'.)"""
    for steps in (10, 25, 100):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=steps, cycle_momentum=False)
        factors = []
        for step in range(steps):
            factors.append(schedule.get_last_lr()[0])
            optimizer.step()
            if step < steps - 1:
                schedule.step()
        exact = torch.tensor(factors, dtype=torch.float64)
        cases.add(
            f"one_cycle_{steps}",
            "OneCycleLR",
            {"total_steps": steps},
            {},
            {"factors": exact.float()},
            # The stored factor is rounded, and so may the cosine be, which is added to 1.
            tolerances={"factors": (3 * UNIT * torch.ones(steps)).to(torch.bfloat16)},
        )
        if not math.isclose(factors[-1], 4e-6, rel_tol=1e-9):
            raise ValueError("OneCycleLR no longer ends at 4e-6")


PARTS = [sgd, adam, clipping, one_cycle]
