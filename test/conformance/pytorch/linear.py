"""Cases of torch.nn.Linear, alone and with an activation after it."""

import torch
import torch.nn.functional as F
from cases import Cases, Source
from functional import dtypes

ACTIVATIONS = [
    {"activation": None},
    {"activation": "gelu", "approximate": "none"},
    {"activation": "gelu", "approximate": "tanh"},
    {"activation": "silu"},
    {"activation": "relu"},
]


def add_module(
    cases: Cases,
    name: str,
    attributes: dict,
    shape: tuple[int, ...],
    out_features: int,
    bias: bool,
    dtype: torch.dtype,
) -> None:
    """Adds a call, with parameters that are all random. A 16-bit input is widened, the float32 answer rounded once."""
    source = Source(name)
    module = torch.nn.Linear(shape[-1], out_features, bias)
    state = {key: source.uniform(-1, 1, parameter.shape) for key, parameter in module.state_dict().items()}
    module.load_state_dict(state)
    x = source.normal(*shape, dtype=dtype)
    with torch.no_grad():
        output = module(x.float())
        if attributes["activation"] is not None:
            arguments = {key: value for key, value in attributes.items() if key != "activation"}
            output = getattr(F, attributes["activation"])(output, **arguments)
    cases.add(
        name,
        "Linear",
        attributes,
        {"input": x},
        {"output": output.to(dtype)},
        state=state,
        module={"in_features": module.in_features, "out_features": module.out_features, "bias": bias},
    )


def linear_modules(cases: Cases) -> None:
    for attributes in ACTIVATIONS:
        activation = "_".join(value or "alone" for value in attributes.values())
        for label, shape, out_features, bias in [
            ("vector", (13,), 7, True),
            ("7x13", (7, 13), 17, True),
            ("6x40", (6, 40), 24, True),
            ("no_bias", (5, 33), 9, False),
            ("rank3", (2, 5, 20), 3, True),
            ("one_row", (1, 64), 33, True),
            ("no_rows", (0, 4), 3, True),
        ]:
            for suffix, dtype in dtypes() if label == "7x13" else [("", torch.float32)]:
                name = f"linear_module_{activation}_{label}{suffix}"
                add_module(cases, name, attributes, shape, out_features, bias, dtype)


PARTS = [linear_modules]
