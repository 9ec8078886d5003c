"""PyTorch on one thread: its scaled_dot_product_attention and its linear, their gradients, and a training step."""

import torch
from pytorch_training import TrainingJob
from torch.nn import functional

torch.set_num_threads(1)
torch.set_num_interop_threads(1)

VERSION = torch.__version__


class Job:
    def __init__(self, compute, to_result):
        self.compute = compute
        self.to_result = to_result

    def run(self, _after_forward):
        with torch.inference_mode():
            self.compute()

    def result(self):
        with torch.inference_mode():
            return [self.to_result(self.compute()).float().numpy()]


class GradientJob:
    """Forward and backward pass. A leaf is given as the case lays it out."""

    def __init__(self, compute, leaves, output_gradient):
        self.compute = compute
        self.leaves = [leaf.requires_grad_() for leaf in leaves]
        self.output_gradient = output_gradient

    def run(self, after_forward):
        output = self.compute()
        after_forward()
        return torch.autograd.grad(output, self.leaves, self.output_gradient)

    def result(self):
        return [gradient.numpy() for gradient in self.run(lambda: None)]


def prepare(case, arrays):
    """A job, or None for a case that these functions can't express."""
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    match case["operation"]:
        case "training step":
            return TrainingJob(case, tensors)
        case "linear gradient":
            compute, _ = make_linear(case, tensors)
            return GradientJob(compute, [tensors[case["of"]]], tensors["outputGradient"])
        case "linear":
            return Job(*make_linear(case, tensors))
    attention = make_attention(case, tensors)
    if attention is None:
        return None
    if case["operation"] == "attention":
        return Job(*attention)
    compute, view = attention
    names = ["query", "key", "value"] + (["mask"] if case.get("hasMaskGradient") else [])
    return GradientJob(compute, [tensors[name] for name in names], view(tensors["outputGradient"]))


def make_attention(case, tensors):
    """A function that computes the output, and one that views that as the case lays it out; None where it can't be expressed."""
    lengths_differ = case["queryLength"] != case["keyLength"]
    if "dropoutP" in case or "needWeights" in case or "softcap" in case:
        return None
    if "openKeys" in case or "hasAlibi" in case or "hasSinks" in case:
        return None
    if case["isCausal"] and case["causalAlignment"] == "lower-right" and lengths_differ:
        return None

    # [B, L, H, D] is looked at as [B, H, L, D]; nothing moves.
    def view(tensor):
        return tensor if case["layout"] == "BHLD" else tensor.transpose(1, 2)

    dtype = getattr(torch, case["dtype"])
    inputs = [tensors[name].to(dtype) for name in ("query", "key", "value")]
    mask = tensors.get("mask")
    is_causal = case["isCausal"]
    # A mask excludes is_causal, and a window is a mask here.
    if mask is not None and is_causal:
        return None
    if "leftWindowSize" in case:
        if mask is not None or lengths_differ:
            return None
        distance = torch.arange(case["queryLength"])[:, None] - torch.arange(case["keyLength"])
        mask = distance <= case["leftWindowSize"]
        if is_causal:
            mask &= distance >= 0
            is_causal = False

    def compute():
        return functional.scaled_dot_product_attention(
            *map(view, inputs),
            attn_mask=mask,
            is_causal=is_causal,
            enable_gqa=case["heads"] != case["keyHeads"],
        )

    return compute, view


def make_linear(case, tensors):
    """A function that computes the output, and one that gives it as it is."""
    x, weight, bias = tensors["input"], tensors["weight"], tensors.get("bias")
    if case.get("activation") == "gelu":
        return lambda: functional.gelu(functional.linear(x, weight, bias)), lambda output: output
    return lambda: functional.linear(x, weight, bias), lambda output: output
