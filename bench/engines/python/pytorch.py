"""PyTorch on one thread: its scaled_dot_product_attention and its linear."""

import torch
from torch.nn import functional

torch.set_num_threads(1)
torch.set_num_interop_threads(1)

VERSION = torch.__version__


class Job:
    def __init__(self, compute, to_result=lambda output: output):
        self.compute = compute
        self.to_result = to_result

    def run(self):
        with torch.inference_mode():
            self.compute()

    def result(self):
        with torch.inference_mode():
            return self.to_result(self.compute()).float().numpy()


def prepare(case, arrays):
    """A Job, or None for a case that these functions can't express."""
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return prepare_attention(case, tensors) if case["operation"] == "attention" else prepare_linear(case, tensors)


def prepare_attention(case, tensors):
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
    query, key, value = (view(tensors[name].to(dtype)) for name in ("query", "key", "value"))
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
            query,
            key,
            value,
            attn_mask=mask,
            is_causal=is_causal,
            enable_gqa=case["heads"] != case["keyHeads"],
        )

    return Job(compute, view)


def prepare_linear(case, tensors):
    x, weight, bias = tensors["input"], tensors["weight"], tensors.get("bias")
    if case.get("activation") == "gelu":
        return Job(lambda: functional.gelu(functional.linear(x, weight, bias)))
    return Job(lambda: functional.linear(x, weight, bias))
