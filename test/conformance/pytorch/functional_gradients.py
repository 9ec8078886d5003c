"""Gradients of the operations around attention."""

import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from cases import Cases, Source
from functional import dtypes
from gradients import UNIT, Values, add_gradients, sums
from torch import Tensor

Errors = Callable[[Values, Values, Values], dict[str, Tensor]]


def single(function: Callable[..., Tensor]) -> Callable[..., dict[str, Tensor]]:
    return lambda **operands: {"output": function(**operands)}


def add(
    cases: Cases,
    name: str,
    operator: str,
    attributes: dict,
    operands: Values,
    function: Callable[..., Tensor],
    errors: Errors | int,
    constants: Mapping[str, Tensor] | None = None,
    stores_results: bool = True,
) -> None:
    """Adds a case of a function with one result. A number for `errors` is the number of terms of the longest sum."""
    call = single(function)
    bound = sums(call, errors) if isinstance(errors, int) else errors
    add_gradients(
        cases,
        f"gradient_{name}",
        operator,
        attributes,
        operands,
        call,
        bound,
        constants=constants,
        stores_results=stores_results,
    )


# Errors below are in units of 2^-24; those of results are the bounds that the package states of its operations.


def softmax_errors(dim: int) -> Errors:
    """y(dy - sum(y dy)), where y is off by (12 + abs(x - max) + n/1024) units."""

    def errors(operands: Values, cotangents: Values, _: Values) -> dict[str, Tensor]:
        x, dy = operands["input"], cotangents["output"].abs()
        n = x.shape[dim]
        own = 12 + (x - x.amax(dim, keepdim=True)).abs() + n / 1024
        y = x.softmax(dim)
        inner = (y * dy).sum(dim, keepdim=True)
        gradient = y * ((own + 2) * (dy + inner) + ((own + n + 1) * y * dy).sum(dim, keepdim=True))
        return {"output": UNIT * own * y, "input_gradient": UNIT * gradient}

    return errors


def log_softmax_errors(dim: int) -> Errors:
    """dy - exp(y) sum(dy), where y = x - max - ln(sum) and its parts are rounded, the exponential's 12 units on top."""

    def errors(operands: Values, cotangents: Values, _: Values) -> dict[str, Tensor]:
        x, dy = operands["input"], cotangents["output"].abs()
        n = x.shape[dim]
        y = x.log_softmax(dim)
        own = 14 + n + 2 * y.abs() + (x - x.amax(dim, keepdim=True)).abs()
        gradient = dy + y.exp() * (own + 14 + n) * dy.sum(dim, keepdim=True)
        return {"output": UNIT * own, "input_gradient": UNIT * gradient}

    return errors


def norm_errors(normalized_shape: list[int], eps: float, centered: bool) -> Errors:
    """r (g - mean(g) - z mean(g z)); z is off by (9 + n/16) (abs(z) + c) units, c = mean(abs(x)) r if centered, else 0."""
    axes = tuple(range(-len(normalized_shape), 0))
    n = math.prod(normalized_shape)

    def errors(operands: Values, cotangents: Values, _: Values) -> dict[str, Tensor]:
        x, dy = operands["input"], cotangents["output"].abs()

        def mean(tensor: Tensor) -> Tensor:
            return tensor.mean(axes, keepdim=True)

        offset = mean(x) if centered else 0.0
        r = (mean((x - offset) ** 2) + eps).rsqrt()
        z = ((x - offset) * r).abs()
        c = mean(x.abs()) * r if centered else torch.zeros_like(r)
        weight = operands["weight"].abs() if "weight" in operands else torch.ones_like(x[(0,) * (x.ndim - len(axes))])
        own = (9 + n / 16) * (z + c)
        g = dy * weight
        terms = g + z * mean(g * z) + (mean(g) if centered else 0.0)
        gradient = r * ((n + 16 + own / (z + c + 1)) * (1 + c) * terms + own * mean(g * z) + z * mean(g * own))
        rows = x.numel() // n
        leading = tuple(range(x.ndim - len(axes)))
        result = {
            "output": own * weight + 2 * (z * weight + (operands["bias"].abs() if "bias" in operands else 0.0)),
            "input_gradient": gradient,
        }
        if "weight" in operands:
            result["weight_gradient"] = (dy * ((rows + 2) * z + own)).sum(leading)
        if "bias" in operands:
            result["bias_gradient"] = (rows + 2) * dy.sum(leading)
        return {key: UNIT * tensor for key, tensor in result.items()}

    return errors


def elementwise_errors(output: Callable[[Tensor], Tensor], derivative: Callable[[Tensor], Tensor]) -> Errors:
    """By the errors of the function's value and of its derivative, in units."""

    def errors(operands: Values, cotangents: Values, _: Values) -> dict[str, Tensor]:
        x, dy = operands["input"], cotangents["output"].abs()
        return {"output": UNIT * output(x), "input_gradient": UNIT * dy * derivative(x)}

    return errors


def density(x: Tensor) -> Tensor:
    return torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def tanh_argument_slope(x: Tensor) -> Tensor:
    return math.sqrt(2 / math.pi) * (1 + 0.134145 * x * x)


# Errors in units of value and derivative. A function that tends to a constant is off by that constant's units; Φ, the
# distribution function, and tanh so everywhere.
ACTIVATIONS: list[tuple[str, dict, Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = [
    ("gelu", {"approximate": "none"}, lambda x: 8 * x.abs(), lambda x: 8 + (16 + x * x) * x.abs() * density(x)),
    (
        "gelu",
        {"approximate": "tanh"},
        lambda x: 8 * x.abs(),
        lambda x: 8 + 8 * x.abs() * tanh_argument_slope(x),
    ),
    ("silu", {}, lambda x: 8 * x.abs(), lambda x: x.sigmoid() * (16 + 8 * x.abs())),
    ("relu", {}, lambda x: 0 * x, lambda x: 0 * x),
    ("sigmoid", {}, lambda x: 8 * x.sigmoid(), lambda x: 8 * x.sigmoid()),
    ("tanh", {}, lambda x: 8 * x.tanh().abs(), lambda x: 8 + 0 * x),
]


def normalizations(cases: Cases) -> None:
    for label, shape, normalized_shape, weight, bias, eps in [
        ("plain", (7, 13), (13,), False, False, 1e-5),
        ("weight", (7, 13), (13,), True, False, 1e-5),
        ("both", (2, 7, 20), (20,), True, True, 1e-5),
        ("wide", (3, 80), (80,), True, True, 1e-6),
        ("one_row", (33,), (33,), True, True, 1e-5),
        ("two_axes", (3, 5, 7), (5, 7), True, True, 1e-5),
        ("large_epsilon", (4, 17), (17,), True, True, 0.5),
    ]:
        for operator in ("layer_norm", "rms_norm"):
            source = Source(f"gradient_{operator}_{label}")
            operands = {"input": source.normal(*shape)}
            if weight:
                operands["weight"] = source.normal(*normalized_shape)
            if bias and operator == "layer_norm":
                operands["bias"] = source.normal(*normalized_shape)
            attributes = {"normalized_shape": list(normalized_shape), "eps": eps}
            errors = norm_errors(list(normalized_shape), eps, operator == "layer_norm")
            function = getattr(F, operator)
            add(
                cases,
                f"{operator}_{label}",
                operator,
                attributes,
                operands,
                lambda function=function, attributes=attributes, **given: function(**given, **attributes),
                errors,
            )
    source = Source("gradient_layer_norm_offset")
    add(
        cases,
        "layer_norm_offset",
        "layer_norm",
        {"normalized_shape": [17], "eps": 1e-5},
        {"input": source.normal(4, 17) + 10, "weight": source.normal(17), "bias": source.normal(17)},
        lambda **given: F.layer_norm(**given, normalized_shape=[17], eps=1e-5),
        norm_errors([17], 1e-5, True),
    )


def activations(cases: Cases) -> None:
    # Without 0, where relu has a corner, but with its neighbours.
    ladder = torch.cat([torch.linspace(-12, 12, 192), torch.tensor([1e-30, -1e-30, 1e-4, -1e-4])])
    for operator, attributes, output, derivative in ACTIVATIONS:
        label = "_".join([operator, *attributes.values()])
        function = getattr(F if operator in ("gelu", "silu", "relu") else torch, operator)
        for suffix, x in [("ladder", ladder), ("random", Source(f"gradient_{label}").normal(3, 5, 7) * 3)]:
            add(
                cases,
                f"{label}_{suffix}",
                operator,
                attributes,
                {"input": x},
                lambda function=function, attributes=attributes, **given: function(**given, **attributes),
                elementwise_errors(output, derivative),
            )
    add(cases, "relu_zero", "relu", {}, {"input": torch.tensor([0.0, -0.0, 1.0])}, F.relu, 1)


def softmaxes(cases: Cases) -> None:
    for operator, function, bound in [
        ("softmax", torch.softmax, softmax_errors),
        ("log_softmax", torch.log_softmax, log_softmax_errors),
    ]:
        for shape, dim in [((1,), -1), ((13,), -1), ((7, 13), -1), ((7, 13), 0), ((2, 3, 5, 4), 1), ((3, 80), -1)]:
            name = f"{operator}_{'x'.join(str(size) for size in shape)}_axis_{dim % len(shape)}"
            x = Source(f"gradient_{name}").normal(*shape) * 3
            add(
                cases,
                name,
                operator,
                {"dim": dim},
                {"input": x},
                lambda function=function, dim=dim, **given: function(**given, dim=dim),
                bound(dim),
            )
    rows = Source("gradient_softmax_hidden").normal(4, 9)
    rows[1, 2:7] = -1e9
    add(
        cases,
        "softmax_hidden",
        "softmax",
        {"dim": -1},
        {"input": rows},
        lambda input: torch.softmax(input, -1),
        lambda operands, cotangents, _: softmax_errors(-1)(
            {"input": operands["input"].clamp(min=-100)}, cotangents, _
        ),
    )


def linears(cases: Cases) -> None:
    for label, shape, out_features, bias in [
        ("1x1", (1, 1), 1, True),
        ("vector", (13,), 7, True),
        ("7x13", (7, 13), 17, True),
        ("no_bias", (5, 33), 9, False),
        ("rank3", (2, 5, 20), 3, True),
        ("one_row", (1, 40), 33, True),
    ]:
        source = Source(f"gradient_linear_{label}")
        operands = {
            "input": source.normal(*shape),
            "weight": source.normal(out_features, shape[-1]) * shape[-1] ** -0.5,
        }
        if bias:
            operands["bias"] = source.normal(out_features)
        rows = math.prod(shape[:-1])
        add(cases, f"linear_{label}", "linear", {}, operands, F.linear, max(rows, out_features, shape[-1] + 1))


def linear_layers(cases: Cases) -> None:
    """A linear layer with a function after it: act(z), z = x W + b, whose gradient goes through the function first."""
    for operator, attributes, output, derivative in ACTIVATIONS[:4]:
        label = "_".join([operator, *attributes.values()])
        name = f"linear_layer_{label}"
        source = Source(f"gradient_{name}")
        operands = {"input": source.normal(2, 6, 13), "weight": source.normal(9, 13) * 0.5, "bias": source.normal(9)}

        def call(operator: str = operator, arguments: dict = attributes, **given: Tensor) -> Tensor:
            return getattr(F, operator)(F.linear(**given), **arguments)

        def errors(
            operands: Values,
            cotangents: Values,
            _: Values,
            output: Callable = output,
            derivative: Callable = derivative,
        ) -> dict[str, Tensor]:
            x, weight, bias = operands.values()
            z = F.linear(x, weight, bias)
            # No slope is above 1.13 (gelu's), no curvature above 0.8 (gelu's at 0), and relu's is 0 (z = 0 does not
            # occur).
            own = (x.shape[-1] + 3) * F.linear(x.abs(), weight.abs(), bias.abs())
            dy = cotangents["output"].abs()
            dz, off = 1.13 * dy, dy * (derivative(z) + 0.8 * own)
            rows = x.numel() // x.shape[-1]
            return {
                "output": UNIT * (output(z) + 1.13 * own),
                "input_gradient": UNIT * (off + (weight.shape[0] + 2) * dz) @ weight.abs(),
                "weight_gradient": UNIT * (off + (rows + 2) * dz).flatten(0, -2).T @ x.abs().flatten(0, -2),
                "bias_gradient": UNIT * (off + (rows + 2) * dz).flatten(0, -2).sum(0),
            }

        attributes = {"activation": operator, **attributes}
        module = {"in_features": 13, "out_features": 9, "bias": True}
        add_gradients(
            cases,
            f"gradient_{name}",
            "Linear",
            attributes,
            operands,
            single(call),
            errors,
            state=("weight", "bias"),
            module=module,
        )


def embeddings(cases: Cases) -> None:
    for label, rows, shape, padding_index in [
        ("plain", 11, (2, 9), None),
        ("repeated", 3, (40,), None),
        ("padding", 7, (2, 9), 3),
        ("padding_last", 7, (2, 9), -1),
        ("padding_first", 5, (3, 4), 0),
    ]:
        source = Source(f"gradient_embedding_{label}")
        indices = source.integers(0, rows, *shape)
        add(
            cases,
            f"embedding_{label}",
            "embedding",
            {"padding_idx": padding_index},
            {"weight": source.normal(rows, 5)},
            lambda weight, indices=indices, padding=padding_index: F.embedding(indices, weight, padding_idx=padding),
            math.prod(shape),
            {"indices": indices.to(torch.int32)},
        )


def arithmetic(cases: Cases) -> None:
    for operator, function in [("add", torch.add), ("mul", torch.mul)]:
        for label, left, right in [
            ("same", (3, 5), (3, 5)),
            ("row", (3, 5), (5,)),
            ("column", (3, 5), (3, 1)),
            ("both", (4, 1, 5), (3, 1)),
            ("leading", (7,), (2, 3, 7)),
            ("one", (2, 3), (1,)),
            ("scalar", (2, 3), ()),
        ]:
            name = f"{operator}_{label}"
            source = Source(f"gradient_{name}")
            operands = {"input": source.normal(*left), "other": source.normal(*right)}
            add(cases, name, operator, {}, operands, function, 42)
    for label, left, right in [
        ("matrices", (5, 7), (7, 3)),
        ("batch", (2, 5, 7), (2, 7, 3)),
        ("broadcast_right", (2, 3, 5, 7), (7, 3)),
        ("broadcast_left", (5, 7), (2, 7, 3)),
        ("broadcast_both", (2, 1, 5, 7), (3, 7, 4)),
        ("row", (1, 17), (17, 9)),
    ]:
        name = f"matmul_{label}"
        source = Source(f"gradient_{name}")
        operands = {"input": source.normal(*left), "other": source.normal(*right)}
        add(cases, name, "matmul", {}, operands, torch.matmul, 42)
    for operator, function in [("sum", torch.sum), ("mean", torch.mean)]:
        for label, shape, dim, keepdim in [
            ("last", (3, 5), [-1], False),
            ("first_kept", (3, 5), [0], True),
            ("two", (2, 3, 4), [0, 2], False),
            ("all", (2, 3, 4), None, False),
        ]:
            name = f"{operator}_{label}"
            add(
                cases,
                name,
                operator,
                {"dim": dim, "keepdim": keepdim},
                {"input": Source(f"gradient_{name}").normal(*shape)},
                lambda input, function=function, dim=dim, keep=keepdim: (
                    function(input) if dim is None else function(input, dim, keepdim=keep)
                ),
                24,
            )


def moves(cases: Cases) -> None:
    for dim, shapes in [
        (0, [(2, 3), (4, 3), (1, 3)]),
        (-1, [(2, 3), (2, 1)]),
        (1, [(2, 3, 2), (2, 0, 2), (2, 2, 2)]),
    ]:
        name = f"cat_axis_{dim % len(shapes[0])}_of_{len(shapes)}"
        source = Source(f"gradient_{name}")
        operands = {f"input{index}": source.normal(*shape) for index, shape in enumerate(shapes)}
        add(
            cases,
            name,
            "cat",
            {"dim": dim},
            operands,
            lambda dim=dim, **given: torch.cat(list(given.values()), dim),
            1,
        )
    for dim, start, length in [(0, 1, 2), (1, 0, 3), (-1, 4, 1)]:
        name = f"narrow_axis_{dim % 3}"
        add(
            cases,
            name,
            "narrow",
            {"dim": dim, "start": start, "length": length},
            {"input": Source(f"gradient_{name}").normal(4, 3, 5)},
            lambda input, where=(dim, start, length): torch.narrow(input, *where),
            1,
        )
    for dim0, dim1 in [(0, 1), (-1, -2), (0, 2)]:
        name = f"transpose_{dim0 % 3}_{dim1 % 3}"
        add(
            cases,
            name,
            "transpose",
            {"dim0": dim0, "dim1": dim1},
            {"input": Source(f"gradient_{name}").normal(4, 3, 5)},
            lambda input, axes=(dim0, dim1): torch.transpose(input, *axes),
            1,
        )
    for k, shape in [(1, (7,)), (3, (4, 9)), (9, (2, 9))]:
        name = f"topk_{k}_of_{shape[-1]}"
        add(
            cases,
            name,
            "topk",
            {"k": k},
            {"input": Source(f"gradient_{name}").normal(*shape)},
            lambda input, k=k: torch.topk(input, k, -1).values,
            1,
        )


def normalize_errors(operands: Values, cotangents: Values, _: Values) -> dict[str, Tensor]:
    """(dy - y sum(y dy)) / norm, the norm's sum of n squares and its root n/2 + 2 units off."""
    x, dy = operands["input"], cotangents["output"].abs()
    n = x.shape[-1]
    norm = x.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    y = (x / norm).abs()
    terms = (dy + y * (y * dy).sum(-1, keepdim=True)) / norm
    return {"output": UNIT * (n / 2 + 4) * y, "input_gradient": UNIT * (3 * n + 16) * terms}


def swiglu_errors(operands: Values, cotangents: Values, _: Values) -> dict[str, Tensor]:
    a, b, dy = operands["input"], operands["gate"].abs(), cotangents["output"].abs()
    return {
        "output": UNIT * 9 * a.abs() * b,
        "input_gradient": UNIT * dy * b * a.sigmoid() * (18 + 8 * a.abs()),
        "gate_gradient": UNIT * dy * 9 * F.silu(a).abs(),
    }


def rotate(x: Tensor, cosine: Tensor, sine: Tensor, interleaved: bool) -> Tensor:
    """Rotary embedding of [B, H, L, D] with tables [L, D/2], of neighbours or of halves."""
    a, b = (x[..., 0::2], x[..., 1::2]) if interleaved else x.chunk(2, -1)
    turned = (cosine * a - sine * b, sine * a + cosine * b)
    return torch.stack(turned, -1).flatten(-2) if interleaved else torch.cat(turned, -1)


def composed(cases: Cases) -> None:
    """Operations that torch has no function for, or composes."""
    for label, shape, scale in [("rows", (5, 13), 1.0), ("rank3", (2, 3, 20), 30.0), ("clamped", (2, 5), 1e-14)]:
        name = f"normalize_{label}"
        x = Source(f"gradient_{name}").normal(*shape) * scale
        add(cases, name, "normalize", {}, {"input": x}, lambda input: F.normalize(input, dim=-1), normalize_errors)
    source = Source("gradient_swiglu")
    add(
        cases,
        "swiglu",
        "swiglu",
        {},
        {"input": source.normal(5, 14) * 3, "gate": source.normal(5, 14)},
        lambda input, gate: F.silu(input) * gate,
        swiglu_errors,
    )
    for interleaved in (False, True):
        name = f"rotary_{'interleaved' if interleaved else 'halves'}"
        source = Source(f"gradient_{name}")
        angles = source.uniform(-3, 3, (7, 5))
        tables = {"cosine": angles.cos(), "sine": angles.sin()}

        def turn(input: Tensor, interleaved: bool = interleaved, tables: Values = tables) -> Tensor:
            return rotate(input, *(table.to(input.dtype) for table in tables.values()), interleaved)

        def errors(
            operands: Values, cotangents: Values, _: Values, i: bool = interleaved, t: Values = tables
        ) -> dict:
            absolute = {key: table.double().abs() for key, table in t.items()}
            # Both ways an element is a sum of two products; without signs the rotation back is the same function.
            return {
                "output": 4 * UNIT * add_up(operands["input"].abs(), absolute, i),
                "input_gradient": 4 * UNIT * add_up(cotangents["output"].abs(), absolute, i),
            }

        attributes = {"interleaved": interleaved}
        add(cases, name, "rotary", attributes, {"input": source.normal(2, 3, 7, 10)}, turn, errors, tables)
    for label, shape, mask in [
        ("some", (3, 5, 4), Source("gradient_masked_mean/mask").boolean(3, 5)),
        ("one_row_hidden", (2, 5, 4), torch.tensor([[True] * 5, [False] * 5])),
    ]:
        name = f"masked_mean_{label}"
        add(
            cases,
            name,
            "masked_mean",
            {},
            {"input": Source(f"gradient_{name}").normal(*shape)},
            lambda input, mask=mask: (
                (input * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).to(input.dtype).clamp(min=1e-9)
            ),
            6,
            {"mask": mask},
        )


def add_up(x: Tensor, tables: Values, interleaved: bool) -> Tensor:
    """abs(cosine) abs(x) + abs(sine) abs(the other of its pair)."""
    return (
        rotate(x, tables["cosine"], torch.zeros_like(tables["sine"]), interleaved)
        + rotate(x, torch.zeros_like(tables["cosine"]), tables["sine"], interleaved).abs()
    )


def convolutions(cases: Cases) -> None:
    for label, batch, channels, out_channels, length, kernel, bias, options in [
        ("plain", 2, 3, 4, 11, 3, True, {}),
        ("padding", 2, 3, 4, 11, 3, False, {"padding": 1}),
        ("stride", 1, 2, 5, 13, 3, True, {"stride": 2, "padding": 1}),
        ("dilation", 2, 2, 3, 13, 3, True, {"dilation": 2, "padding": 2}),
        ("groups", 2, 4, 6, 9, 3, True, {"groups": 2}),
        ("depthwise", 1, 5, 5, 9, 4, True, {"groups": 5, "padding": 3}),
        ("all", 2, 4, 6, 17, 3, True, {"stride": 3, "padding": 4, "dilation": 2, "groups": 2}),
        ("stride_leaves_rest", 1, 2, 2, 12, 2, True, {"stride": 5}),
        ("pointwise", 2, 6, 3, 7, 1, True, {}),
    ]:
        arguments = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **options}
        name = f"conv1d_{label}"
        source = Source(f"gradient_{name}")
        operands = {
            "input": source.normal(batch, channels, length),
            "weight": source.normal(out_channels, channels // arguments["groups"], kernel),
        }
        if bias:
            operands["bias"] = source.normal(out_channels)
        add(
            cases,
            name,
            "conv1d",
            arguments,
            operands,
            lambda arguments=arguments, **given: F.conv1d(**given, **arguments),
            max(batch * length, channels * kernel + 1, out_channels * kernel),
        )


def half_precision(cases: Cases) -> None:
    """Operands of 16 bits, widened exactly; gradients are float32, and nothing on the way is rounded to 16 bits."""
    for suffix, dtype in list(dtypes())[1:]:
        source = Source(f"gradient_half{suffix}")
        norm = {"input": source.normal(5, 17), "weight": source.normal(17)}
        affine = {"normalized_shape": [17], "eps": 1e-5}
        indices = source.integers(0, 4, 9)
        arguments = {"stride": 2, "padding": 1, "dilation": 1, "groups": 1}
        tables = {
            name: function(source.uniform(-3, 3, (5, 3)))
            for name, function in (("cosine", torch.cos), ("sine", torch.sin))
        }
        mask = torch.tensor([[True, True, False, True, True]])
        examples: list[
            tuple[str, dict, dict[str, Tensor], Callable[..., Tensor], Errors | int, dict[str, Tensor] | None]
        ] = [
            (
                "softmax",
                {"dim": -1},
                {"input": source.normal(4, 13) * 3},
                lambda input: input.softmax(-1),
                softmax_errors(-1),
                None,
            ),
            (
                "log_softmax",
                {"dim": 0},
                {"input": source.normal(4, 13) * 3},
                lambda input: input.log_softmax(0),
                log_softmax_errors(0),
                None,
            ),
            (
                "layer_norm",
                affine,
                {**norm, "bias": source.normal(17)},
                lambda affine=affine, **given: F.layer_norm(**given, **affine),
                norm_errors([17], 1e-5, True),
                None,
            ),
            (
                "rms_norm",
                affine,
                norm,
                lambda affine=affine, **given: F.rms_norm(**given, **affine),
                norm_errors([17], 1e-5, False),
                None,
            ),
            (
                "linear",
                {},
                {"input": source.normal(5, 12), "weight": source.normal(7, 12), "bias": source.normal(7)},
                F.linear,
                13,
                None,
            ),
            (
                "embedding",
                {"padding_idx": None},
                {"weight": source.normal(4, 5)},
                lambda weight, indices=indices: F.embedding(indices, weight),
                9,
                {"indices": indices.to(torch.int32)},
            ),
            ("add", {}, {"input": source.normal(3, 5), "other": source.normal(5)}, torch.add, 15, None),
            ("mul", {}, {"input": source.normal(3, 5), "other": source.normal(3, 1)}, torch.mul, 15, None),
            ("matmul", {}, {"input": source.normal(2, 3, 5), "other": source.normal(5, 4)}, torch.matmul, 8, None),
            (
                "mean",
                {"dim": [-1], "keepdim": False},
                {"input": source.normal(3, 5)},
                lambda input: input.mean(-1),
                5,
                None,
            ),
            ("topk", {"k": 3}, {"input": source.normal(4, 9)}, lambda input: input.topk(3, -1).values, 1, None),
            (
                "normalize",
                {},
                {"input": source.normal(4, 9)},
                lambda input: F.normalize(input, dim=-1),
                normalize_errors,
                None,
            ),
            (
                "swiglu",
                {},
                {"input": source.normal(4, 9), "gate": source.normal(4, 9)},
                lambda input, gate: F.silu(input) * gate,
                swiglu_errors,
                None,
            ),
            (
                "rotary",
                {"interleaved": False},
                {"input": source.normal(1, 2, 5, 6)},
                lambda input, tables=tables: rotate(
                    input, *(table.to(input.dtype) for table in tables.values()), False
                ),
                lambda _, cotangents, __, tables=tables: {
                    "output": torch.zeros(()),
                    "input_gradient": 4
                    * UNIT
                    * add_up(
                        cotangents["output"].abs(),
                        {key: table.double().abs() for key, table in tables.items()},
                        False,
                    ),
                },
                tables,
            ),
            (
                "masked_mean",
                {},
                {"input": source.normal(1, 5, 4)},
                lambda input, mask=mask: (input * mask[..., None]).sum(1) / mask.sum(),
                5,
                {"mask": mask},
            ),
            (
                "conv1d",
                arguments,
                {"input": source.normal(2, 3, 9), "weight": source.normal(4, 3, 3), "bias": source.normal(4)},
                lambda arguments=arguments, **given: F.conv1d(**given, **arguments),
                18,
                None,
            ),
            *[
                (
                    operator,
                    attributes,
                    {"input": source.normal(5, 9) * 3},
                    lambda input, operator=operator, attributes=attributes: getattr(
                        F if operator in ("gelu", "silu", "relu") else torch, operator
                    )(input, **attributes),
                    elementwise_errors(output, derivative),
                    None,
                )
                for operator, attributes, output, derivative in ACTIVATIONS
            ],
        ]
        for operator, attributes, operands, function, errors, constants in examples:
            label = "_".join([operator, *(value for value in attributes.values() if isinstance(value, str))])
            # Those of the results are functional.py's, and the records' of each operation.
            halves = {key: tensor.to(dtype) for key, tensor in operands.items()}
            add(
                cases,
                f"half_{label}{suffix}",
                operator,
                attributes,
                halves,
                function,
                errors,
                constants,
                stores_results=False,
            )


PARTS = [
    normalizations,
    activations,
    softmaxes,
    linears,
    linear_layers,
    embeddings,
    arithmetic,
    moves,
    composed,
    convolutions,
    half_precision,
]
