"""What the training runs share: their start, the loop, and the check that their losses can be demanded."""

from collections.abc import Callable

import torch
import transformers
from cases import Cases, Source
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

STEPS = 50
WARMUP_STEPS = 10
LARGEST_NORM = 1.0
# A float32 run is this near to the same run in float64, relatively; of another float32 run ten times that is asked.
OWN_TOLERANCE = 1e-6
TOLERANCE = 1e-5


def attend(attention: torch.nn.MultiheadAttention, query: Tensor, memory: Tensor, **masks: Tensor) -> Tensor:
    return attention(query, memory, memory, need_weights=False, **masks)[0]


def drawn_state(name: str, model: torch.nn.Module) -> dict[str, Tensor]:
    """A start of our own: matrices within 1/sqrt(columns), embeddings within 0.2, biases small, norms near 1."""
    source = Source(name)
    state = {}
    for key, parameter in model.state_dict().items():
        if "norm" in key and key.endswith("weight"):
            state[key] = source.uniform(0.9, 1.1, parameter.shape)
        elif parameter.ndim == 1:
            state[key] = source.uniform(-0.1, 0.1, parameter.shape)
        else:
            bound = 0.2 if "embedding" in key else parameter.shape[1] ** -0.5
            state[key] = source.uniform(-bound, bound, parameter.shape)
    return state


def losses_of(
    create: Callable[[], torch.nn.Module],
    state: dict[str, Tensor],
    batches: dict[str, Tensor],
    optimizer_arguments: dict,
    dtype: torch.dtype,
) -> list[float]:
    """The loss before each step. `batches` are [STEPS, ...]; the model's forward gives the loss of one."""
    model = create().to(dtype)
    model.load_state_dict(state)
    optimizer = torch.optim.AdamW(model.parameters(), **optimizer_arguments, foreach=False, fused=False)
    schedule = transformers.get_cosine_schedule_with_warmup(optimizer, WARMUP_STEPS, STEPS)
    losses = []
    with sdpa_kernel(SDPBackend.MATH):
        for step in range(STEPS):
            loss = model(**{name: tensor[step] for name, tensor in batches.items()})
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), LARGEST_NORM, foreach=False)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    return losses


def add_run(
    cases: Cases,
    name: str,
    create: Callable[[], torch.nn.Module],
    batches: dict[str, Tensor],
    optimizer_arguments: dict,
    sizes: dict[str, int],
    start: dict[str, Tensor] | None = None,
) -> None:
    """Adds a run: start, batches and float32 losses. Raises ValueError where those aren't near to float64's."""
    state = drawn_state(name, create()) if start is None else start
    losses = losses_of(create, state, batches, optimizer_arguments, torch.float32)
    exact = losses_of(create, state, batches, optimizer_arguments, torch.float64)
    apart = max(abs(ours / truth - 1) for ours, truth in zip(losses, exact, strict=True))
    if not apart <= OWN_TOLERANCE:
        raise ValueError(f"{name}: float32 is {apart} from float64")
    if not min(losses[-5:]) < 0.8 * losses[0]:
        raise ValueError(f"{name}: hardly learns: from {losses[0]} to {losses[-1]}")
    print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}, float32 and float64 {apart:.1e} apart")
    loss = torch.tensor(losses, dtype=torch.float32)
    cases.add(
        name,
        "run",
        {
            "optimizer": optimizer_arguments,
            "warmup_steps": WARMUP_STEPS,
            "steps": STEPS,
            "max_norm": LARGEST_NORM,
            "sizes": sizes,
        },
        {key: tensor.to(torch.int32) for key, tensor in batches.items()},
        {"loss": loss},
        state=state,
        tolerances={"loss": (TOLERANCE * loss).to(torch.bfloat16)},
    )
