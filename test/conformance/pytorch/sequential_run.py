"""Fifty steps of a classifier of sequences that is a Sequential of all simple layers."""

import torch
import torch.nn.functional as F
from cases import Cases, Source
from torch import Tensor
from torch.nn import Conv1d, Embedding, LayerNorm, Linear, RMSNorm, Sequential
from training_run import STEPS, add_run

SIZES = {"width": 16, "hidden": 32, "kernel": 3, "vocabulary": 24, "classes": 24, "length": 12, "batch": 8}


class Positions(torch.nn.Module):
    """Learned positions."""

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(length, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight[: x.shape[1]]


class Transposition(torch.nn.Module):
    """From [B, L, E] to [B, E, L], or back."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


class FeedForward(torch.nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.linear1 = Linear(width, hidden)
        self.linear2 = Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear2(F.gelu(self.linear1(x)))


class GatedFeedForward(torch.nn.Module):
    """Llama's."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate_proj = Linear(width, hidden, bias=False)
        self.up_proj = Linear(width, hidden, bias=False)
        self.down_proj = Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Classifier(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width, hidden = SIZES["width"], SIZES["hidden"]
        self.layers = Sequential(
            Embedding(SIZES["vocabulary"], width, padding_idx=0),
            Positions(SIZES["length"], width),
            Transposition(),
            Conv1d(width, width, SIZES["kernel"], padding=SIZES["kernel"] // 2, groups=2),
            Transposition(),
            LayerNorm(width),
            Sequential(FeedForward(width, hidden), RMSNorm(width)),
            GatedFeedForward(width, hidden),
            Linear(width, SIZES["classes"]),
        )

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """The loss of naming the class of every token."""
        return F.cross_entropy(self.layers(tokens).flatten(0, 1), targets.flatten())


def start() -> dict[str, Tensor]:
    """Matrices within 1/sqrt(inputs), the embedding within 1, the positions within 0.2, biases small, norms near 1."""
    source = Source("sequential_run")
    state = {}
    for path, module in Classifier().named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            low, high = {
                Embedding: (-1.0, 1.0),
                Positions: (-0.2, 0.2),
            }.get(type(module), (-0.1, 0.1))
            if isinstance(module, (LayerNorm, RMSNorm)) and name == "weight":
                low, high = 0.9, 1.1
            elif isinstance(module, (Linear, Conv1d)) and name == "weight":
                high = parameter[0].numel() ** -0.5
                low = -high
            state[f"{path}.{name}"] = source.uniform(low, high, parameter.shape)
            if isinstance(module, Embedding):
                state[f"{path}.{name}"][module.padding_idx] = 0.0
    return state


def run(cases: Cases) -> None:
    """The class of a token is a function of it and of the one before."""
    source = Source("sequential_run/tokens")
    classes = source.integers(0, SIZES["classes"], SIZES["vocabulary"], 2)
    tokens = source.integers(0, SIZES["vocabulary"], STEPS, SIZES["batch"], SIZES["length"])
    targets = classes[tokens, tokens.roll(1, -1) % 2]
    optimizer = {"lr": 1e-2, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1}
    batches = {"tokens": tokens, "targets": targets}
    add_run(cases, "sequential_run", Classifier, batches, optimizer, SIZES, start())


PARTS = [run]
