"""Cases of the functions of torch.nn.functional that this package has too, attention apart."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from cases import INFINITY, Cases, Source
from torch import Tensor


def add_function(
    cases: Cases,
    name: str,
    operator: str,
    attributes: dict,
    inputs: dict[str, Tensor | None],
    note: str | None = None,
    **fields: object,
) -> None:
    """Adds a case of a function of torch.nn.functional. 16-bit inputs are widened, the float32 answer rounded once."""
    widened = {
        key: tensor.float() if tensor is not None and tensor.is_floating_point() else tensor
        for key, tensor in inputs.items()
    }
    if operator == "embedding":
        output = F.embedding(widened["indices"], widened["weight"])
        dtype = inputs["weight"].dtype
    else:
        output = getattr(F, operator)(**widened, **attributes)
        dtype = inputs["input"].dtype
    cases.add(name, operator, attributes, inputs, {"output": output.to(dtype)}, note=note, **fields)


def dtypes() -> Iterable[tuple[str, torch.dtype]]:
    return [("", torch.float32), ("_float16", torch.float16), ("_bfloat16", torch.bfloat16)]


def normalization_functions(cases: Cases) -> None:
    for label, shape, normalized_shape, weight, bias, eps in [
        ("plain", (7, 13), (13,), False, False, 1e-5),
        ("weight", (7, 13), (13,), True, False, 1e-5),
        ("both", (2, 7, 20), (20,), True, True, 1e-5),
        ("wide", (3, 80), (80,), True, True, 1e-6),
        ("wider", (2, 257), (257,), True, True, 1e-5),
        ("one_column", (5, 1), (1,), True, True, 1e-5),
        ("one_row", (33,), (33,), True, True, 1e-5),
        ("two_axes", (3, 5, 7), (5, 7), True, True, 1e-5),
        ("large_epsilon", (4, 17), (17,), True, True, 0.5),
        ("no_rows", (0, 8), (8,), True, True, 1e-5),
    ]:
        for suffix, dtype in dtypes() if label in ("both", "wide") else [("", torch.float32)]:
            for operator in ("layer_norm", "rms_norm"):
                name = f"{operator}_{label}{suffix}"
                source = Source(name)
                inputs: dict[str, Tensor | None] = {
                    "input": source.normal(*shape, dtype=dtype),
                    "weight": source.normal(*normalized_shape, dtype=dtype) if weight else None,
                }
                own_bias = source.normal(*normalized_shape, dtype=dtype) if bias else None
                if operator == "layer_norm":
                    inputs["bias"] = own_bias
                add_function(cases, name, operator, {"normalized_shape": list(normalized_shape), "eps": eps}, inputs)
    name = "rms_norm_default_epsilon"
    source = Source(name)
    add_function(
        cases,
        name,
        "rms_norm",
        {"normalized_shape": [13], "eps": None},
        {"input": source.normal(5, 13) * 1e-3, "weight": source.normal(13)},
        note="eps None is the input type's machine epsilon, 2^-23 for float32",
    )
    for operator, offset in [("layer_norm", 100.0), ("layer_norm", 0.0), ("rms_norm", 0.0)]:
        name = f"{operator}_{'offset' if offset else 'constant_rows'}"
        rows = Source(name).normal(4, 17)
        if offset == 0:
            rows = rows[:, :1].expand(4, 17).clone()
            rows[0] = 0
        if operator == "layer_norm" and offset == 0:
            rows = rows.round()  # so that the mean is exact and the variance 0
        # A mean near 100 is known to 4e-6 only, and torch's answer is 1e-5 off.
        fields = {"atol": 4e-5} if offset else {}
        attributes = {"normalized_shape": [17], "eps": 1e-5}
        add_function(cases, name, operator, attributes, {"input": rows + offset}, **fields)


def activation_functions(cases: Cases) -> None:
    ladder = torch.linspace(-12, 12, 193)
    # Without -Infinity: torch answers with NaN there, not with the limit 0.
    special = torch.tensor(
        [0.0, -0.0, 1e-30, -1e-30, 1e-4, -1e-4, 88.0, 1e4, -1e4, 3e38, -3e38, INFINITY, float("nan")]
    )
    for operator, attributes in [
        ("gelu", {"approximate": "none"}),
        ("gelu", {"approximate": "tanh"}),
        ("silu", {}),
        ("relu", {}),
    ]:
        label = "_".join([operator, *attributes.values()])
        add_function(cases, f"{label}_ladder", operator, attributes, {"input": ladder})
        add_function(cases, f"{label}_special", operator, attributes, {"input": special})
        for suffix, dtype in dtypes():
            name = f"{label}_random{suffix}"
            add_function(cases, name, operator, attributes, {"input": Source(name).normal(3, 5, 7, dtype=dtype) * 3})
        add_function(cases, f"{label}_empty", operator, attributes, {"input": torch.zeros(0, 4)})


def softmax_functions(cases: Cases) -> None:
    for shape in [(1,), (13,), (7, 1), (7, 13), (2, 3, 17), (2, 2, 3, 33), (3, 80), (2, 257), (0, 5)]:
        name = "softmax_" + "x".join(str(size) for size in shape)
        add_function(cases, name, "softmax", {"dim": -1}, {"input": Source(name).normal(*shape) * 3})
    for suffix, dtype in list(dtypes())[1:]:
        name = f"softmax{suffix}"
        add_function(cases, name, "softmax", {"dim": -1}, {"input": Source(name).normal(5, 17, dtype=dtype)})
    source = Source("softmax_range")
    rows = source.integers(-200, 200, 6, 17).float()
    rows[1] = -3e38
    rows[2] += 1e6
    rows[3, 5:9] = -INFINITY
    rows[4, 3] = 3e38
    rows[5, 7] = float("nan")
    add_function(cases, "softmax_range", "softmax", {"dim": -1}, {"input": rows})


def linear_functions(cases: Cases) -> None:
    for label, shape, out_features in [
        ("1x1", (1, 1), 1),
        ("vector", (13,), 7),
        ("7x13", (7, 13), 17),
        ("8x16", (8, 16), 16),
        ("17x33", (17, 33), 20),
        ("rank3", (2, 5, 20), 3),
        ("one_row", (1, 64), 33),
        ("one_output", (9, 80), 1),
        ("wide", (5, 257), 9),
        ("no_rows", (0, 4), 3),
    ]:
        for bias in (True, False):
            for suffix, dtype in dtypes() if label == "7x13" else [("", torch.float32)]:
                name = f"linear_{label}{'_bias' if bias else ''}{suffix}"
                source = Source(name)
                inputs = {
                    "input": source.normal(*shape, dtype=dtype),
                    "weight": (source.normal(out_features, shape[-1]) * shape[-1] ** -0.5).to(dtype),
                    "bias": source.normal(out_features, dtype=dtype) if bias else None,
                }
                add_function(cases, name, "linear", {}, inputs)


def embedding_functions(cases: Cases) -> None:
    for label, rows, width, shape in [
        ("one", 1, 1, (1,)),
        ("vector", 11, 5, (7,)),
        ("matrix", 20, 13, (2, 9)),
        ("rank3", 7, 3, (2, 2, 3)),
        ("none", 4, 3, (0,)),
    ]:
        for suffix, dtype in dtypes() if label == "matrix" else [("", torch.float32)]:
            name = f"embedding_{label}{suffix}"
            source = Source(name)
            indices = source.integers(0, rows, *shape).to(torch.int32)
            weight = source.normal(rows, width, dtype=dtype)
            add_function(cases, name, "embedding", {}, {"indices": indices, "weight": weight})


PARTS = [
    normalization_functions,
    activation_functions,
    softmax_functions,
    linear_functions,
    embedding_functions,
]
