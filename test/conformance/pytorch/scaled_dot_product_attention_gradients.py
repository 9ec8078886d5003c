"""Gradients of torch.nn.functional.scaled_dot_product_attention."""

import torch
import torch.nn.functional as F
from cases import INFINITY, Cases, Source, causal_mask
from functional import dtypes
from gradients import Values, add_gradients, differentiate
from scaled_dot_product_attention import additive, draw
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

# Weights below this are left out of what the error of a row depends on.
SMALLEST_WEIGHT = 2.0**-60


def attention_terms(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scores: Tensor,
    magnitudes: Tensor,
    scale: float,
    output_cotangent: Tensor,
    weights_cotangent: Tensor | float = 0.0,
    logsumexp_cotangent: Tensor | float = 0.0,
    scores_cotangent: Tensor | float = 0.0,
    sinks: Tensor | None = None,
) -> dict[str, Tensor]:
    """The sums F of the error promises (docs/semantics.md, 8.2; docs/training.md, 10), all of absolute values.

    query [..., L, D], key [..., T, D], value [..., T, Dv] as magnitudes, with as many heads as queries have; scores
    [..., L, T] with -Infinity at hidden keys; magnitudes of the scores' terms, of the same shape; sinks [H, 1, 1].
    "score" is M, of each score.
    """
    visible = scores > -INFINITY
    reference = scores if sinks is None else torch.cat([scores, sinks.expand(*scores.shape[:-1], 1)], -1)
    logsumexp = torch.logsumexp(reference, -1, keepdim=True)
    weights = torch.where(visible, torch.exp(scores - logsumexp), 0.0)
    largest = magnitudes.masked_fill(~(visible & (weights >= SMALLEST_WEIGHT)), 0.0).amax(-1, keepdim=True)
    if sinks is None:
        # Where all scores are equal, their size doesn't matter.
        highest = scores.amax(-1, keepdim=True)
        lowest = scores.masked_fill(~visible, INFINITY).amin(-1, keepdim=True)
        largest = torch.where(highest == lowest, 0.0, largest)
    factor = 1 + largest
    padded = (weights + SMALLEST_WEIGHT) * visible
    g = output_cotangent @ value.transpose(-2, -1) + weights_cotangent
    inner = (padded * g).sum(-1, keepdim=True) + logsumexp_cotangent
    m = factor * (padded * (g + inner) + scores_cotangent) * visible
    terms = {
        "query": abs(scale) * m @ key,
        "key": abs(scale) * m.transpose(-2, -1) @ query,
        "value": (factor * padded).transpose(-2, -1) @ output_cotangent,
        "score": m,
        "output": (factor * weights) @ value,
        "weights": factor * weights,
        "logsumexp": (factor + logsumexp.abs()).squeeze(-1),
    }
    if sinks is not None:
        terms["sinks"] = factor * (torch.exp(sinks - logsumexp) + SMALLEST_WEIGHT) * inner
    return terms


def sum_to(tensor: Tensor, shape: torch.Size) -> Tensor:
    return tensor.sum_to_size(shape) if tensor.shape != shape else tensor


def add_attention_gradients(
    cases: Cases,
    name: str,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> None:
    """Adds a case of query [..., L, D], key [..., S, D], value [..., S, Dv] and a mask; a float mask has a gradient too."""
    name = f"gradient_{name}"
    rows, columns = query.shape[-2], key.shape[-2]
    group = query.shape[-3] // key.shape[-3] if enable_gqa else 1
    options = {"is_causal": is_causal, "scale": scale, "enable_gqa": enable_gqa}
    operands = {"query": query, "key": key, "value": value}
    differentiable_mask = attn_mask is not None and attn_mask.is_floating_point()
    if differentiable_mask:
        operands["attn_mask"] = attn_mask

    def call(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = attn_mask) -> dict[str, Tensor]:
        with sdpa_kernel(SDPBackend.MATH):
            return {"output": F.scaled_dot_product_attention(query, key, value, attn_mask=attn_mask, **options)}

    def errors(operands: Values, cotangents: Values, rounded: Values) -> dict[str, Tensor]:
        # 2e + 2^-20 F, where e is how far off torch's own float32 run is, over a row of query, key and value.
        factor = query.shape[-1] ** -0.5 if scale is None else scale
        spread = {
            key: operands[key].repeat_interleave(group, -3) if group > 1 else operands[key]
            for key in ("key", "value")
        }
        mask = additive(attn_mask)
        mask = torch.zeros(rows, columns) if mask is None else mask
        if is_causal:
            mask = mask + additive(~causal_mask(rows, columns))
        mask = mask.double()
        scores = factor * operands["query"] @ spread["key"].transpose(-2, -1) + mask
        finite = mask.masked_fill(mask == -INFINITY, 0.0).abs()
        absolute = {"query": operands["query"].abs(), **{key: tensor.abs() for key, tensor in spread.items()}}
        magnitudes = abs(factor) * absolute["query"] @ absolute["key"].transpose(-2, -1) + finite
        terms = attention_terms(
            **absolute,
            scores=scores,
            magnitudes=magnitudes,
            scale=factor,
            output_cotangent=cotangents["output"].abs(),
        )
        _, exact = differentiate(call, operands, cotangents, torch.float64)
        bounds = {}
        for operand, tensor in operands.items():
            term = terms["score" if operand == "attn_mask" else operand]
            if operand in spread and group > 1:
                term = term.unflatten(-3, (-1, group)).sum(-3)
            term = sum_to(term, tensor.shape)
            e = (rounded[f"{operand}_gradient"].double() - exact[operand]).abs()
            if operand != "attn_mask":
                e = e.amax(-1, keepdim=True)
            bounds[f"{operand}_gradient"] = 2 * e + 2.0**-20 * term
        return bounds

    constants = {} if differentiable_mask else {"attn_mask": attn_mask}
    add_gradients(
        cases,
        name,
        "scaled_dot_product_attention",
        options,
        operands,
        call,
        errors,
        constants=constants,
        stores_results=False,
    )


def sizes(cases: Cases) -> None:
    for batch, heads, rows, columns, width, value_width, modes in [
        (1, 1, 1, 1, 1, 1, (False,)),
        (1, 1, 1, 33, 20, 20, (False,)),
        (1, 2, 33, 1, 8, 8, (False,)),
        (1, 2, 7, 13, 3, 5, (False, True)),
        (2, 2, 13, 7, 5, 3, (False, True)),
        (1, 2, 8, 16, 8, 8, (False, True)),
        (1, 1, 17, 33, 20, 3, (False, True)),
        (1, 1, 17, 17, 64, 64, (True,)),
        (1, 1, 9, 70, 4, 4, (False, True)),
        (1, 1, 70, 70, 8, 8, (False, True)),
    ]:
        for is_causal in modes:
            size = f"b{batch}_h{heads}_l{rows}_s{columns}_d{width}_dv{value_width}"
            name = f"sdpa_{'causal' if is_causal else 'dense'}_{size}"
            tensors = draw(Source(name), batch, heads, heads, rows, columns, width, value_width)
            add_attention_gradients(cases, name, *tensors, is_causal=is_causal)


def masks(cases: Cases) -> None:
    """Masks of every shape that broadcasts. Only float masks have a gradient, of their own shape."""
    batch, heads, rows, columns = 2, 3, 5, 7
    for shape in [
        (rows, columns),
        (1, columns),
        (rows, 1),
        (1, 1),
        (heads, rows, columns),
        (heads, 1, columns),
        (1, rows, columns),
        (batch, 1, rows, columns),
        (batch, 1, 1, columns),
        (batch, heads, rows, columns),
        (1, heads, rows, 1),
        (1, 1, 1, 1),
    ]:
        for kind in ("boolean", "float"):
            name = f"sdpa_mask_{kind}_{'x'.join(str(size) for size in shape)}"
            source = Source(name)
            tensors = draw(source, batch, heads, heads, rows, columns, 4, 6)
            if kind == "float":
                mask = source.normal(*shape)
            else:
                mask = source.boolean(*shape)
                mask[..., 0] = True  # every row sees a key
            add_attention_gradients(cases, name, *tensors, mask)


def hidden(cases: Cases) -> None:
    """Masks that hide: single keys, a key from all rows, whole rows; and masks far below every score."""
    batch, heads, rows, columns = 2, 2, 5, 7
    some = torch.zeros(rows, columns)
    some[0, 2:] = -INFINITY
    some[3, 1] = -INFINITY
    some[:, 5] = -INFINITY
    whole = torch.zeros(rows, columns)
    whole[2] = -INFINITY
    low = torch.zeros(rows, columns)
    low[1, 3:] = -1e9
    low[4, :2] = -80.0
    for label, mask in [
        ("some", Source("sdpa_hidden_some/mask").normal(rows, columns) + some),
        ("boolean_some", some == 0),
        ("boolean_row", whole == 0),
        ("low", low),
        ("per_batch", torch.stack([some, torch.zeros(rows, columns)]).unsqueeze(1)),
    ]:
        name = f"sdpa_hidden_{label}"
        add_attention_gradients(cases, name, *draw(Source(name), batch, heads, heads, rows, columns, 4, 4), mask)


def groups(cases: Cases) -> None:
    for heads, key_heads in [(4, 2), (6, 2), (3, 1), (8, 4)]:
        for label in ("dense", "causal", "float", "boolean"):
            name = f"sdpa_grouped_{heads}_{key_heads}_{label}"
            source = Source(name)
            tensors = draw(source, 2, heads, key_heads, 5, 9, 4, 3)
            mask = {
                "float": lambda s=source, h=heads: s.normal(h, 5, 9),
                "boolean": lambda s=source: s.boolean(2, 1, 5, 9).index_fill(3, torch.tensor([0]), True),
            }.get(label, lambda: None)()
            add_attention_gradients(cases, name, *tensors, mask, is_causal=label == "causal", enable_gqa=True)


def scales(cases: Cases) -> None:
    for label, scale in [("zero", 0.0), ("negative", -0.7), ("large", 3.0), ("small", 1e-3), ("one", 1.0)]:
        for is_causal in (False, True):
            name = f"sdpa_scale_{label}{'_causal' if is_causal else ''}"
            tensors = draw(Source(name), 1, 2, 2, 6, 9, 5, 5)
            add_attention_gradients(cases, name, *tensors, scale=scale, is_causal=is_causal)
    name = "sdpa_scale_saturated"
    query, key, value = draw(Source(name), 1, 2, 2, 6, 9, 8, 8)
    add_attention_gradients(cases, name, query * 6, key * 6, value)


def ranks(cases: Cases) -> None:
    for label, shape, masked in [
        ("rank2", (), False),
        ("rank2_masked", (), True),
        ("rank3", (3,), False),
        ("rank3_masked", (3,), True),
    ]:
        name = f"sdpa_{label}"
        source = Source(name)
        query, key, value = source.normal(*shape, 5, 4), source.normal(*shape, 7, 4), source.normal(*shape, 7, 3)
        add_attention_gradients(cases, name, query, key, value, source.normal(5, 7) if masked else None)
    for label, shapes in [("rows", ((1, 2, 0, 4), (1, 2, 5, 4))), ("batch", ((0, 2, 3, 4), (0, 2, 5, 4)))]:
        name = f"sdpa_empty_{label}"
        source = Source(name)
        query, key, value = source.normal(*shapes[0]), source.normal(*shapes[1]), source.normal(*shapes[1])
        add_attention_gradients(cases, name, query, key, value)


def half_precision(cases: Cases) -> None:
    """Operands of 16 bits, widened exactly; the gradients are float32, and come from an output of float32."""
    for suffix, dtype in list(dtypes())[1:]:
        for label, key_heads, masked in [
            ("dense", 2, False),
            ("causal", 2, False),
            ("grouped", 1, False),
            ("masked", 2, True),
        ]:
            name = f"sdpa_half_{label}{suffix}"
            source = Source(name)
            tensors = draw(source, 1, 2, key_heads, 7, 11, 6, 5, dtype)
            mask = source.normal(7, 11, dtype=dtype) if masked else None
            options = {"is_causal": label == "causal", "enable_gqa": key_heads == 1}
            add_attention_gradients(cases, name, *tensors, mask, **options)


PARTS = [sizes, masks, hidden, groups, scales, ranks, half_precision]
