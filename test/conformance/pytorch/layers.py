"""The simple layers over their arguments: state dicts, answers in both modes and gradients, of the parameters too."""

import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from cases import Cases, Source
from functional_gradients import ACTIVATIONS, Errors, norm_errors
from gradients import UNIT, Values, add_gradients, sums
from torch import Tensor
from torch.func import functional_call
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaMLP

# No slope of an activation is above 1.13 (gelu's), no curvature above 0.8 (gelu's at 0); relu's corner doesn't occur.
SLOPE = 1.13
CURVATURE = 0.8


def add(
    cases: Cases,
    operator: str,
    label: str,
    module: torch.nn.Module,
    arguments: Mapping[str, object],
    inputs: Values,
    errors: Errors | int,
    *,
    attributes: Mapping[str, object] | None = None,
    scale: float = 1.0,
    names: Mapping[str, str] | None = None,
    call: Callable[[torch.nn.Module, Values], Tensor] | None = None,
    training: bool = True,
) -> None:
    """Adds a case of a module, with parameters that are all random; buffers are the module's, and constants.

    Floating inputs are differentiated, and so is every parameter. `names` are the module's own of each name that is
    stored, in the order of its state dict (default: all, as they are). A number for `errors` is that of the terms.
    """
    name = f"layer_{operator}_{label}"
    source = Source(name)
    module.train(training)
    stored = names if names is not None else {key: key for key in module.state_dict()}
    buffers = dict(module.named_buffers())
    state = {
        key: buffers[own] if own in buffers else source.normal(*module.get_parameter(own).shape) * scale
        for key, own in stored.items()
    }
    constants = {key: tensor for key, tensor in inputs.items() if not tensor.is_floating_point()}
    operands = {key: tensor for key, tensor in inputs.items() if tensor.is_floating_point()}
    operands |= {key: tensor for key, tensor in state.items() if stored[key] not in buffers}

    def run(**given: Tensor) -> dict[str, Tensor]:
        own = {stored[key]: tensor for key, tensor in given.items() if key in stored}
        dtype = next(tensor.dtype for tensor in given.values())
        own |= {key: tensor.to(dtype) for key, tensor in buffers.items()}
        values = {**constants, **{key: tensor for key, tensor in given.items() if key not in stored}}

        class Call(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.module = module

            def forward(self) -> Tensor:
                return module(*values.values()) if call is None else call(module, values)

        return {"output": functional_call(Call(), {f"module.{key}": tensor for key, tensor in own.items()}, ())}

    add_gradients(
        cases,
        name,
        operator,
        dict(attributes or {}),
        operands,
        run,
        sums(run, errors) if isinstance(errors, int) else errors,
        constants=constants,
        state=tuple(key for key in state if key in operands),
        module={**arguments, "training": training},
    )
    record = cases.records[-1]
    record["state"] = list(state)
    for key, tensor in state.items():
        cases.tensors[f"{name}/state/{key}"] = tensor.numpy()


def normalizations(cases: Cases) -> None:
    for label, shape, normalized_shape, options in [
        ("plain", (7, 13), 13, {}),
        ("two_axes", (3, 5, 7), [5, 7], {"eps": 1e-6}),
        ("large_epsilon", (2, 3, 17), [17], {"eps": 0.5}),
        ("not_affine", (5, 9), [9], {"elementwise_affine": False}),
        ("no_bias", (5, 9), [9], {"bias": False}),
        ("one_row", (24,), [24], {}),
    ]:
        for operator in ("LayerNorm", "RMSNorm"):
            is_centered = operator == "LayerNorm"
            if not is_centered and "bias" in options:
                continue
            module = getattr(torch.nn, operator)(normalized_shape, **options)
            sizes = [normalized_shape] if isinstance(normalized_shape, int) else normalized_shape
            eps = options.get("eps", 1e-5 if is_centered else 2.0**-23)
            add(
                cases,
                operator,
                label,
                module,
                {"normalized_shape": normalized_shape, **options},
                {"input": Source(f"layer_{operator}_{label}/input").normal(*shape)},
                norm_errors(sizes, eps, is_centered),
                training=label != "plain",
            )


def embeddings(cases: Cases) -> None:
    for label, rows, shape, padding_index in [
        ("plain", 11, (2, 9), None),
        ("single", 4, (), None),
        ("padding_first", 5, (3, 4), 0),
        ("padding_last", 7, (12,), -1),
        ("padding_inside", 7, (2, 9), 3),
    ]:
        indices = Source(f"layer_Embedding_{label}/input").integers(0, rows, *shape)
        add(
            cases,
            "Embedding",
            label,
            torch.nn.Embedding(rows, 5, padding_idx=padding_index),
            {"num_embeddings": rows, "embedding_dim": 5, "padding_idx": padding_index},
            {"indices": indices.to(torch.int32)},
            max(math.prod(shape), 1),
            training=label != "padding_last",
        )


def convolutions(cases: Cases) -> None:
    for label, shape, out_channels, kernel_size, options in [
        ("plain", (2, 3, 11), 4, 3, {}),
        ("no_bias", (2, 3, 11), 4, 3, {"bias": False, "padding": 1}),
        ("stride", (1, 2, 13), 5, 3, {"stride": 2, "padding": 1}),
        ("dilation", (2, 2, 13), 3, 3, {"dilation": 2, "padding": 2}),
        ("groups", (2, 4, 9), 6, 3, {"groups": 2}),
        ("depthwise", (1, 5, 9), 5, 4, {"groups": 5, "padding": 3}),
        ("all", (2, 4, 17), 6, 3, {"stride": 3, "padding": 4, "dilation": 2, "groups": 2, "bias": False}),
        ("unbatched", (6, 7), 3, 1, {}),
    ]:
        channels, length = shape[-2:]
        batch = shape[0] if len(shape) == 3 else 1
        add(
            cases,
            "Conv1d",
            label,
            torch.nn.Conv1d(channels, out_channels, kernel_size, **options),
            {"in_channels": channels, "out_channels": out_channels, "kernel_size": kernel_size, **options},
            {"input": Source(f"layer_Conv1d_{label}/input").normal(*shape)},
            max(batch * (length + 8), channels * kernel_size + 1, out_channels * kernel_size),
            training=label != "plain",
        )


def linear_with_error(x: Tensor, x_error: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """x W + b, and how far off it is, in units, when x is off by x_error."""
    absolute = F.linear(x.abs(), weight.abs(), bias.abs())
    return F.linear(x, weight, bias), (x.shape[-1] + 3) * absolute + F.linear(x_error, weight.abs())


def over_rows(left: Tensor, right: Tensor) -> Tensor:
    """The sum over all rows of left (outer) right."""
    return left.reshape(-1, left.shape[-1]).T @ right.reshape(-1, right.shape[-1])


def linear_gradient_errors(
    name: str, x: Tensor, x_error: Tensor, weight: Tensor, dy: Tensor, dy_error: Tensor
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """How far off a linear layer's gradients are, by name; the input's absolute one, and its error. `dy` is absolute."""
    rows = x.numel() // x.shape[-1]
    errors = {
        f"{name}.weight_gradient": over_rows((rows + 2) * dy + dy_error, x.abs()) + over_rows(dy, x_error),
        f"{name}.bias_gradient": ((rows + 2) * dy + dy_error).reshape(-1, dy.shape[-1]).sum(0),
    }
    return errors, dy @ weight.abs(), ((weight.shape[0] + 2) * dy + dy_error) @ weight.abs()


def plain_errors(output: Callable[[Tensor], Tensor], derivative: Callable[[Tensor], Tensor]) -> Errors:
    """Of linear2(f(linear1 x)), by the errors of f's value and of its derivative, in units."""

    def errors(operands: Values, cotangents: Values, _: Values) -> dict[str, Tensor]:
        x, dy = operands["input"], cotangents["output"].abs()
        first, second = operands["linear1.weight"], operands["linear2.weight"]
        zero = x.new_zeros(())
        z_bias = operands.get("linear1.bias", zero.expand(len(first)))
        z, z_error = linear_with_error(x, torch.zeros_like(x), first, z_bias)
        # The size of f is at most the argument's, or 1 (sigmoid's, tanh's).
        h, h_error = z.abs().clamp(min=1), output(z) + SLOPE * z_error
        y_bias = operands.get("linear2.bias", zero.expand(len(second)))
        _, y_error = linear_with_error(h, h_error, second, y_bias)
        of_second, dh, dh_error = linear_gradient_errors("linear2", h, h_error, second, dy, torch.zeros_like(dy))
        dz, dz_error = SLOPE * dh, SLOPE * dh_error + dh * (derivative(z) + 1 + CURVATURE * z_error)
        of_first, _, dx_error = linear_gradient_errors("linear1", x, torch.zeros_like(x), first, dz, dz_error)
        result = {"output": y_error, "input_gradient": dx_error, **of_first, **of_second}
        return {key: UNIT * tensor for key, tensor in result.items()}

    return errors


def gated_errors(operands: Values, cotangents: Values, _: Values) -> dict[str, Tensor]:
    """Of down_proj(silu(gate_proj x) * up_proj x), where silu and its derivative are off as in ACTIVATIONS."""
    x, dy = operands["input"], cotangents["output"].abs()
    gate, up, down = (operands[f"{name}_proj.weight"] for name in ("gate", "up", "down"))
    zero, exact = x.new_zeros(()), torch.zeros_like(x)
    biases = {
        name: operands.get(f"{name}_proj.bias", zero.expand(len(weight)))
        for name, weight in (("gate", gate), ("up", up), ("down", down))
    }
    g, g_error = linear_with_error(x, exact, gate, biases["gate"])
    u, u_error = linear_with_error(x, exact, up, biases["up"])
    s = F.silu(g).abs()
    s_error = 8 * g.abs() + SLOPE * g_error
    h, h_error = s * u.abs(), (s_error + s) * u.abs() + s * u_error
    _, y_error = linear_with_error(h, h_error, down, biases["down"])
    of_down, dh, dh_error = linear_gradient_errors("down_proj", h, h_error, down, dy, torch.zeros_like(dy))
    du, du_error = dh * s, dh_error * s + dh * (s_error + s)
    slope_error = g.sigmoid() * (16 + 8 * g.abs()) + CURVATURE * g_error
    dg = SLOPE * dh * u.abs()
    dg_error = SLOPE * (dh_error * u.abs() + dh * (u_error + 2 * u.abs())) + dh * u.abs() * slope_error
    of_gate, _, by_gate = linear_gradient_errors("gate_proj", x, exact, gate, dg, dg_error)
    of_up, _, by_up = linear_gradient_errors("up_proj", x, exact, up, du, du_error)
    total = dg @ gate.abs() + du @ up.abs()
    result = {"output": y_error, "input_gradient": by_gate + by_up + total, **of_gate, **of_up, **of_down}
    return {key: UNIT * tensor for key, tensor in result.items()}


def feed_forward_of(
    d_model: int, dim_feedforward: int, activation: Callable[[Tensor], Tensor], bias: bool, dropout: float
) -> torch.nn.Module:
    """The part of PyTorch's transformer layer that FeedForward is."""
    return torch.nn.TransformerEncoderLayer(
        d_model, 1, dim_feedforward, dropout=dropout, activation=activation, bias=bias, batch_first=True
    )


def feed_forwards(cases: Cases) -> None:
    d_model, dim_feedforward = 10, 13
    for operator, attributes, output, derivative in ACTIVATIONS:
        activation = "-".join([operator, *(value for value in attributes.values() if value != "none")])
        for label, shape, bias, dropout in [
            ("", (2, 5, d_model), True, 0.0),
            ("_no_bias", (4, d_model), False, 0.0),
            ("_evaluation", (d_model,), True, 0.3),
        ]:
            if label == "_evaluation" and activation != "relu":
                continue
            function = getattr(F if operator in ("gelu", "silu", "relu") else torch, operator)
            layer = feed_forward_of(
                d_model,
                dim_feedforward,
                lambda x, function=function, attributes=attributes: function(x, **attributes),
                bias,
                dropout,
            )
            names = [f"linear{n}.{kind}" for n in (1, 2) for kind in (("weight", "bias") if bias else ("weight",))]
            add(
                cases,
                "FeedForward",
                activation.replace("-", "_") + label,
                layer,
                {
                    "d_model": d_model,
                    "dim_feedforward": dim_feedforward,
                    "activation": activation,
                    "bias": bias,
                    "dropout": dropout,
                },
                {"input": Source(f"layer_FeedForward_{activation}{label}/input").normal(*shape)},
                plain_errors(output, derivative),
                scale=d_model**-0.5,
                names={name: name for name in names},
                call=lambda module, values: module._ff_block(values["input"]),
                training=label != "_evaluation",
            )
    for label, bias in [("swiglu", False), ("swiglu_bias", True)]:
        configuration = LlamaConfig(
            hidden_size=d_model, intermediate_size=dim_feedforward, num_attention_heads=1, mlp_bias=bias
        )
        add(
            cases,
            "FeedForward",
            label,
            LlamaMLP(configuration),
            {
                "d_model": d_model,
                "dim_feedforward": dim_feedforward,
                "activation": "swiglu",
                **({"bias": True} if bias else {}),
            },
            {"input": Source(f"layer_FeedForward_{label}/input").normal(2, 5, d_model)},
            gated_errors,
            scale=d_model**-0.5,
        )


class TutorialEncoding(torch.nn.Module):
    """PositionalEncoding of PyTorch's tutorial "Language Modeling with nn.Transformer"."""

    def __init__(self, d_model: int, dropout: float, max_len: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.dropout = torch.nn.Dropout(p=dropout)
        position = torch.arange(max_len, dtype=dtype).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2, dtype=dtype) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, 1, d_model, dtype=dtype)
        pe[:, 0, 0::2] = torch.sin(position * div_term)
        pe[:, 0, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(x + self.pe[: x.size(0)])


class LearnedEncoding(torch.nn.Module):
    """Learned positions as BERT and GPT-2 have them: an embedding of the position numbers, [B, L] or [L]."""

    def __init__(self, d_model: int, max_length: int) -> None:
        super().__init__()
        self.position_embeddings = torch.nn.Embedding(max_length, d_model)

    def forward(self, x: Tensor, position_ids: Tensor) -> Tensor:
        return x + self.position_embeddings(position_ids)


def addition_errors(operands: Values, cotangents: Values, results: Values) -> dict[str, Tensor]:
    """Of one addition, which is rounded; the gradient is the cotangent."""
    return {"output": UNIT * results["output"].double().abs(), "input_gradient": torch.zeros(())}


def positional_encodings(cases: Cases) -> None:
    d_model, max_length = 6, 12
    for label, shape, dropout in [("tutorial", (7, 2, d_model), 0.0), ("evaluation", (12, 1, d_model), 0.1)]:
        add(
            cases,
            "PositionalEncoding",
            label,
            TutorialEncoding(d_model, dropout, max_length),
            {
                "d_model": d_model,
                "max_length": max_length,
                "type": "sinusoidal",
                "dropout": dropout,
                "batch_first": False,
            },
            {"input": Source(f"layer_PositionalEncoding_{label}/input").normal(*shape)},
            addition_errors,
            training=label != "evaluation",
        )
    source = Source("layer_PositionalEncoding_learned/position_ids")
    for label, batch, length, positions in [
        ("learned", 2, 7, 0),
        ("learned_unbatched", None, 5, 0),
        ("learned_first", 3, 4, 8),
        ("learned_one", 2, 1, 11),
        ("learned_row", 2, 5, [3, 1, 4, 1, 5]),
        ("learned_rows", 3, 4, source.integers(0, max_length, 3, 4).tolist()),
    ]:
        for batch_first in (True,) if batch is None else (False, True):
            ids = torch.arange(length) + positions if isinstance(positions, int) else torch.tensor(positions)
            whole = (length,) if batch is None else (batch, length)
            shape = whole if batch_first else whole[::-1]

            def call(
                module: torch.nn.Module, values: Values, ids: Tensor = ids, batch_first: bool = batch_first
            ) -> Tensor:
                x = values["input"]
                return module(x, ids) if batch_first else module(x.transpose(0, 1), ids).transpose(0, 1)

            name = label + ("_batch_first" if batch_first and batch is not None else "")
            add(
                cases,
                "PositionalEncoding",
                name,
                LearnedEncoding(d_model, max_length),
                {
                    "d_model": d_model,
                    "max_length": max_length,
                    "type": "learned",
                    "dropout": 0.0,
                    "batch_first": batch_first,
                },
                {"input": Source(f"layer_PositionalEncoding_{name}/input").normal(*shape, d_model)},
                math.prod(shape),
                attributes={"position_ids": positions},
                names={"weight": "position_embeddings.weight"},
                call=call,
            )


def sinusoidal_table(cases: Cases) -> None:
    """The table that a fresh module has: in float64, rounded; ours may be off by 2^-24 before it is rounded."""
    for d_model, max_length in [(8, 70), (32, 40)]:
        name = f"layer_PositionalEncodingState_{d_model}"
        table = TutorialEncoding(d_model, 0.0, max_length, torch.float64).pe
        cases.add(
            name,
            "PositionalEncodingState",
            {},
            {},
            {"pe": table.float()},
            tolerances={"pe": torch.full_like(table, 4 * UNIT).to(torch.bfloat16)},
            module={
                "d_model": d_model,
                "max_length": max_length,
                "type": "sinusoidal",
                "dropout": 0.0,
                "batch_first": False,
                "training": True,
            },
        )


def sequentials(cases: Cases) -> None:
    """Only layers that are linear in every operand: the numbers of terms of their sums add up."""
    Linear, Embedding, Conv1d, Sequential = torch.nn.Linear, torch.nn.Embedding, torch.nn.Conv1d, torch.nn.Sequential
    linear = ["Linear", 5, 4]
    for label, module, layers, inputs, terms in [
        ("one", Sequential(Linear(5, 4)), [linear], {"input": (3, 5)}, 8),
        ("two", Sequential(Linear(5, 4), Linear(4, 3)), [linear, ["Linear", 4, 3]], {"input": (2, 3, 5)}, 20),
        (
            "nested",
            Sequential(Sequential(Linear(5, 4), Linear(4, 6, bias=False)), Linear(6, 2)),
            [["Sequential", linear, ["Linear", 4, 6, False]], ["Linear", 6, 2]],
            {"input": (4, 5)},
            30,
        ),
        (
            "embedding",
            Sequential(Embedding(7, 5), Linear(5, 4)),
            [["Embedding", 7, 5], linear],
            {"indices": (2, 6)},
            24,
        ),
        (
            "convolutions",
            Sequential(Conv1d(3, 4, 3, padding=1), Conv1d(4, 2, 2)),
            [["Conv1d", 3, 4, 3, 1], ["Conv1d", 4, 2, 2, 0]],
            {"input": (2, 3, 8)},
            50,
        ),
    ]:
        source = Source(f"layer_Sequential_{label}/input")
        operands = {
            key: source.integers(0, 7, *shape).to(torch.int32) if key == "indices" else source.normal(*shape)
            for key, shape in inputs.items()
        }
        add(cases, "Sequential", label, module, {"layers": layers}, operands, terms)


PARTS = [
    normalizations,
    embeddings,
    convolutions,
    feed_forwards,
    positional_encodings,
    sinusoidal_table,
    sequentials,
]
