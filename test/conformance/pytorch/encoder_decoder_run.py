"""Fifty steps of a small encoder-decoder, post-norm as in Vaswani et al. 2017, on padded sequences."""

import torch
import torch.nn.functional as F
from cases import Cases, Source, causal_mask
from torch import Tensor
from torch.nn import LayerNorm, Linear, MultiheadAttention, Parameter
from training_run import STEPS, add_run, attend

SIZES = {
    "layers": 2,
    "width": 64,
    "heads": 4,
    "feedforward": 128,
    "vocabulary": 24,
    "source_length": 14,
    "target_length": 12,
    "batch": 8,
}
PADDING, START = 0, 1


class EncoderLayer(torch.nn.Module):
    def __init__(self, width: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.self_attention = MultiheadAttention(width, heads, batch_first=True)
        self.norm1 = LayerNorm(width)
        self.linear1 = Linear(width, feedforward)
        self.linear2 = Linear(feedforward, width)
        self.norm2 = LayerNorm(width)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        x = self.norm1(x + attend(self.self_attention, x, x, key_padding_mask=padding))
        return self.norm2(x + self.linear2(F.relu(self.linear1(x))))


class DecoderLayer(torch.nn.Module):
    def __init__(self, width: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.self_attention = MultiheadAttention(width, heads, batch_first=True)
        self.norm1 = LayerNorm(width)
        self.cross_attention = MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = LayerNorm(width)
        self.linear1 = Linear(width, feedforward)
        self.linear2 = Linear(feedforward, width)
        self.norm3 = LayerNorm(width)

    def forward(self, x: Tensor, padding: Tensor, memory: Tensor, memory_padding: Tensor) -> Tensor:
        causal = causal_mask(x.shape[1], x.shape[1])
        x = self.norm1(x + attend(self.self_attention, x, x, attn_mask=causal, key_padding_mask=padding))
        x = self.norm2(x + attend(self.cross_attention, x, memory, key_padding_mask=memory_padding))
        return self.norm3(x + self.linear2(F.relu(self.linear1(x))))


class Translator(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width, feedforward = SIZES["width"], SIZES["feedforward"]
        self.token_embedding = Parameter(torch.zeros(SIZES["vocabulary"], width))
        self.position_embedding = Parameter(torch.zeros(SIZES["source_length"], width))
        arguments = (width, SIZES["heads"], feedforward)
        self.encoder = torch.nn.ModuleList(EncoderLayer(*arguments) for _ in range(SIZES["layers"]))
        self.decoder = torch.nn.ModuleList(DecoderLayer(*arguments) for _ in range(SIZES["layers"]))
        self.head = Linear(width, SIZES["vocabulary"])

    def embed(self, tokens: Tensor) -> Tensor:
        positions = self.position_embedding[: tokens.shape[1]]
        return F.embedding(tokens, self.token_embedding, padding_idx=PADDING) + positions

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """The loss of source [B, S] and target [B, L + 1], which starts with START; padding is no target."""
        memory = self.embed(source)
        for layer in self.encoder:
            memory = layer(memory, source == PADDING)
        inputs, targets = target[:, :-1], target[:, 1:]
        x = self.embed(inputs)
        for layer in self.decoder:
            x = layer(x, inputs == PADDING, memory, source == PADDING)
        return F.cross_entropy(self.head(x).flatten(0, 1), targets.flatten(), ignore_index=PADDING)


def run(cases: Cases) -> None:
    """On sequences of runs, whose repetitions are to be dropped."""
    random = Source("encoder_decoder_run/tokens")
    source = torch.zeros(STEPS, SIZES["batch"], SIZES["source_length"], dtype=torch.int64)
    target = torch.zeros(STEPS, SIZES["batch"], SIZES["target_length"] + 1, dtype=torch.int64)
    for step in range(STEPS):
        for row in range(SIZES["batch"]):
            length = int(random.integers(4, SIZES["source_length"] + 1))
            tokens = random.integers(2, SIZES["vocabulary"], length).repeat_interleave(2)[:length]
            kept = torch.unique_consecutive(tokens)[: SIZES["target_length"]]
            source[step, row, :length] = tokens
            target[step, row, : len(kept) + 1] = torch.cat([torch.tensor([START]), kept])
    optimizer = {"lr": 3e-3, "betas": [0.9, 0.98], "eps": 1e-8, "weight_decay": 0.01}
    add_run(cases, "encoder_decoder_run", Translator, {"source": source, "target": target}, optimizer, SIZES)


PARTS = [run]
