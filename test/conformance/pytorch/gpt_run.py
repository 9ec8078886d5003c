"""Fifty steps of a small GPT: pre-norm, learned positions, the head tied to the embedding."""

import torch
import torch.nn.functional as F
from cases import Cases, Source, causal_mask
from torch import Tensor
from torch.nn import LayerNorm, Linear, MultiheadAttention, Parameter
from training_run import STEPS, add_run, attend

SIZES = {"layers": 2, "width": 64, "heads": 4, "vocabulary": 64, "length": 32, "batch": 8}


class Layer(torch.nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = LayerNorm(width)
        self.attention = MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = LayerNorm(width)
        self.linear1 = Linear(width, 4 * width)
        self.linear2 = Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        normalized = self.norm1(x)
        x = x + attend(self.attention, normalized, normalized, attn_mask=mask)
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class LanguageModel(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width = SIZES["width"]
        self.token_embedding = Parameter(torch.zeros(SIZES["vocabulary"], width))
        self.position_embedding = Parameter(torch.zeros(SIZES["length"], width))
        self.layers = torch.nn.ModuleList(Layer(width, SIZES["heads"]) for _ in range(SIZES["layers"]))
        self.norm = LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """The loss of predicting each of [B, L + 1] tokens but the first."""
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        x = F.embedding(inputs, self.token_embedding) + self.position_embedding
        for layer in self.layers:
            x = layer(x, causal_mask(SIZES["length"], SIZES["length"]))
        logits = F.linear(self.norm(x), self.token_embedding)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def run(cases: Cases) -> None:
    """On walks of a Markov chain, where each token has four successors."""
    source = Source("gpt_run/tokens")
    successors = source.integers(0, SIZES["vocabulary"], SIZES["vocabulary"], 4)
    tokens = [source.integers(0, SIZES["vocabulary"], STEPS, SIZES["batch"])]
    for _ in range(SIZES["length"]):
        tokens.append(successors[tokens[-1], source.integers(0, 4, STEPS, SIZES["batch"])])
    optimizer = {"lr": 3e-3, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1}
    add_run(cases, "gpt_run", LanguageModel, {"tokens": torch.stack(tokens, -1)}, optimizer, SIZES)


PARTS = [run]
