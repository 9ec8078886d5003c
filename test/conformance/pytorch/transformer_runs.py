"""Twenty training steps of an encoder, a decoder and a Transformer, each alone."""

import torch
import torch.nn.functional as F
from cases import Cases, Source, causal_mask
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from training_run import OWN_TOLERANCE
from transformer import DEFAULTS, create, drawn_parameters, shapes_of, split

STEPS, BATCH, SOURCE, TARGET, WIDTH, HEADS = 20, 3, 6, 5, 8, 2
OPTIMIZER = {"lr": 5e-3, "betas": [0.9, 0.98], "eps": 1e-8, "weight_decay": 0.1}
# Of another float32 run: ten times what the script asks of torch's own.
TOLERANCE = 1e-5


def losses_of(
    module: torch.nn.Module, start: dict[str, Tensor], batches: dict[str, Tensor], hidden: dict, dtype: torch.dtype
) -> list[float]:
    """The loss before each step: the mean squared error of the output, against `wanted`."""
    module = module.to(dtype).train()
    module.load_state_dict(start)
    optimizer = torch.optim.AdamW(module.parameters(), **OPTIMIZER, foreach=False, fused=False)
    losses = []
    with sdpa_kernel(SDPBackend.MATH):
        for step in range(STEPS):
            batch = {name: tensor[step].to(dtype) for name, tensor in batches.items()}
            wanted = batch.pop("wanted")
            loss = F.mse_loss(module(**batch, **hidden), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def add_run(cases: Cases, kind: str, arguments: dict) -> None:
    """The wanted output is the source backwards, to which a decoder adds the target. Some last tokens are padding."""
    name = f"{kind}_run"
    source = Source(name)
    arguments = {"dim_feedforward": 16, "dropout": 0.0, "batch_first": True} | arguments
    module = create(kind, WIDTH, HEADS, arguments)
    parameters = drawn_parameters(source, module)
    shapes = shapes_of(module)
    length = SOURCE if kind == "TransformerEncoder" else TARGET
    batches = {"src": source.normal(STEPS, BATCH, SOURCE, WIDTH)}
    if kind != "TransformerEncoder":
        batches["tgt"] = source.normal(STEPS, BATCH, TARGET, WIDTH)
    first = batches["src"][:, :, :length]
    batches["wanted"] = first.flip(2) + (batches["tgt"] if "tgt" in batches else 0)
    padded = torch.zeros(BATCH, SOURCE, dtype=torch.bool)
    padded[1, -1] = padded[2, -2:] = True
    hidden: dict = {"src_key_padding_mask": padded}
    if kind != "TransformerEncoder":
        hidden |= {"memory_key_padding_mask": padded, "tgt_mask": causal_mask(TARGET, TARGET), "tgt_is_causal": True}
    if kind == "TransformerDecoder":
        batches["memory"] = batches.pop("src")
        del hidden["src_key_padding_mask"]
    start = split(parameters, shapes)
    losses = losses_of(module, start, batches, hidden, torch.float32)
    exact = losses_of(module, start, batches, hidden, torch.float64)
    apart = max(abs(ours / truth - 1) for ours, truth in zip(losses, exact, strict=True))
    if not apart <= OWN_TOLERANCE:
        raise ValueError(f"{name}: float32 is {apart} from float64")
    if not losses[-1] < 0.9 * losses[0]:
        raise ValueError(f"{name}: hardly learns: from {losses[0]} to {losses[-1]}")
    print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}, float32 and float64 {apart:.1e} apart")
    loss = torch.tensor(losses, dtype=torch.float32)
    cases.add(
        name,
        kind,
        {"optimizer": OPTIMIZER, "steps": STEPS},
        batches | {"padding": padded, "parameters": parameters},
        {"loss": loss},
        tolerances={"loss": (TOLERANCE * loss).to(torch.bfloat16)},
        module={"d_model": WIDTH, "nhead": HEADS, **DEFAULTS, **arguments, "training": True},
        state_shapes=shapes,
    )


def runs(cases: Cases) -> None:
    add_run(cases, "TransformerEncoder", {"num_layers": 2, "norm": False})
    add_run(cases, "TransformerDecoder", {"num_layers": 2, "norm": True, "norm_first": True, "activation": "gelu"})
    add_run(cases, "Transformer", {"num_encoder_layers": 1, "num_decoder_layers": 1})


PARTS = [runs]
