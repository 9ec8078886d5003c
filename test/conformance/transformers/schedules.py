"""Factors of the learning rate by transformers' schedules, where those of docs/training.md are the same."""

import torch
import transformers
from cases import Cases
from gradients import UNIT


def add_schedule(cases: Cases, name: str, operator: str, attributes: dict, steps: int) -> None:
    """Adds the factors before the first step and after each, `steps` of them."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = getattr(transformers, operator)(optimizer, **attributes)
    factors = []
    for _ in range(steps):
        factors.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    cases.add(
        f"schedule_{name}",
        operator,
        attributes,
        {},
        {"factors": torch.tensor(factors, dtype=torch.float64).float()},
        # The stored factor is rounded, and so may the cosine be, which is added to 1.
        tolerances={"factors": (3 * UNIT * torch.ones(steps)).to(torch.bfloat16)},
    )


def schedules(cases: Cases) -> None:
    add_schedule(cases, "constant", "get_constant_schedule", {}, 5)
    for warmup in (0, 1, 10):
        attributes = {"num_warmup_steps": warmup}
        add_schedule(cases, f"constant_warmup_{warmup}", "get_constant_schedule_with_warmup", attributes, 30)
        for total in (40, 100):
            attributes = {"num_warmup_steps": warmup, "num_training_steps": total}
            label = f"warmup_{warmup}_of_{total}"
            # Beyond the last step linear stays 0. transformers' cosine rises again, where ours stays at its least.
            add_schedule(cases, f"linear_{label}", "get_linear_schedule_with_warmup", attributes, total + 5)
            add_schedule(cases, f"cosine_{label}", "get_cosine_schedule_with_warmup", attributes, total + 1)
            name = "get_cosine_with_min_lr_schedule_with_warmup"
            add_schedule(cases, f"cosine_least_{label}", name, attributes | {"min_lr_rate": 0.1}, total + 1)
        if warmup > 0:
            attributes = {"num_warmup_steps": warmup}
            add_schedule(cases, f"inverse_sqrt_warmup_{warmup}", "get_inverse_sqrt_schedule", attributes, 60)


PARTS = [schedules]
