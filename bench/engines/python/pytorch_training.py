"""The training step of ../../training-step.mjs in PyTorch."""

import torch
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_


class TrainingJob:
    def __init__(self, case, tensors):
        self.case = case
        self.batches = list(zip(tensors.pop("inputs").long(), tensors.pop("targets").long()))
        self.count = 0
        dtype = getattr(torch, case.get("dtype", "float32"))
        self.parameters = {name: tensor.to(dtype).requires_grad_() for name, tensor in tensors.items()}
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(),
            lr=case["learningRate"],
            betas=case["betas"],
            eps=case["epsilon"],
            weight_decay=case["weightDecay"],
            fused=True,
        )

    def norm(self, name, x):
        parameters = self.parameters
        return functional.layer_norm(
            x, x.shape[-1:], parameters[f"{name}.weight"], parameters[f"{name}.bias"], self.case["normEpsilon"]
        )

    def linear(self, name, x):
        return functional.linear(x, self.parameters[f"{name}weight"], self.parameters[f"{name}bias"])

    def attention(self, name, x):
        heads = self.case["heads"]
        projected = self.linear(f"{name}.in_proj_", x).unflatten(-1, (3, heads, -1))
        query, key, value = (part.transpose(1, 2) for part in projected.unbind(2))
        output = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.linear(f"{name}.out_proj.", output.transpose(1, 2).flatten(2))

    def forward(self, tokens):
        x = functional.embedding(tokens, self.parameters["tokens"]) + self.parameters["positions"]
        for layer in (f"layers.{index}" for index in range(self.case["layers"])):
            x = x + self.attention(f"{layer}.self_attn", self.norm(f"{layer}.norm1", x))
            hidden = functional.gelu(self.linear(f"{layer}.linear1.", self.norm(f"{layer}.norm2", x)))
            x = x + self.linear(f"{layer}.linear2.", hidden)
        return functional.linear(self.norm("norm", x), self.parameters["head.weight"])

    def run(self, _after_forward):
        inputs, targets = self.batches[self.count % len(self.batches)]
        self.count += 1
        loss = functional.cross_entropy(self.forward(inputs).flatten(0, 1), targets.flatten())
        loss.backward()
        clip_grad_norm_(self.parameters.values(), self.case["largestNorm"])
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()

    def result(self):
        return [[self.run(None) for _ in self.batches]]
