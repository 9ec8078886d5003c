"""Cases of torch.nn.functional.scaled_dot_product_attention."""

import numpy
import torch
import torch.nn.functional as F
from cases import INFINITY, Cases, Source, causal_mask
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.bias import causal_lower_right, causal_upper_left

SCORE_BOUND = 2.0**126


def additive(mask: Tensor | None) -> Tensor | None:
    """A boolean mask as 0 and -Infinity; other masks as they are."""
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape).masked_fill(~mask, -INFINITY)


def add_attention(
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
    attn_bias: str | None = None,
    layout: str = "BHLD",
    note: str | None = None,
) -> None:
    """Adds a case of F.scaled_dot_product_attention on torch's math backend.

    query [..., L, D], key [..., S, D], value [..., S, Dv] in torch's order of axes. With layout "BLHD" the tensors are
    laid out as [B, L, H, D] (torch sees transposed views of that) and stored so.
    """
    stored = {"query": query, "key": key, "value": value}
    if layout == "BLHD":
        stored = {argument: tensor.transpose(1, 2).contiguous() for argument, tensor in stored.items()}
        query, key, value = (tensor.transpose(1, 2) for tensor in stored.values())
    rows, columns = query.shape[-2], key.shape[-2]
    options = {"is_causal": is_causal, "scale": scale, "enable_gqa": enable_gqa}
    bias = None
    if attn_bias is not None:
        bias = {"causal_upper_left": causal_upper_left, "causal_lower_right": causal_lower_right}[attn_bias](
            rows, columns
        )
    with sdpa_kernel(SDPBackend.MATH):
        output = F.scaled_dot_product_attention(
            query, key, value, attn_mask=attn_mask if bias is None else bias, **options
        )
    # The public function returns no weights; the operator beneath it does. That one takes additive masks only: it
    # would add a boolean mask as 0 and 1.
    mask = additive(bias._materialize() if bias is not None else attn_mask)
    output_again, weights = torch.ops.aten._scaled_dot_product_attention_math(
        query, key, value, mask, 0.0, is_causal, scale=scale, enable_gqa=enable_gqa
    )
    if not torch.equal(output_again, output):
        raise ValueError(f"{name}: the operator that returns the weights gives another output")
    if not torch.isfinite(output).all() or not torch.isfinite(weights).all():
        raise ValueError(f"{name}: torch's answer is not finite")

    logsumexp = None
    every_row_sees_a_key = (weights.sum(dim=-1) > 0).all()
    if query.dtype == torch.float32 and query.ndim == 4 and every_row_sees_a_key:
        heads = query.shape[1]
        widened = [tensor.repeat_interleave(heads // tensor.shape[1], dim=1) for tensor in (query, key)]
        scores = widened[0] @ widened[1].transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
        if is_causal:
            scores = scores + additive(~causal_mask(rows, columns))
        if mask is not None:
            scores = scores + mask
        logsumexp = torch.logsumexp(scores, dim=-1)
        # The package clamps scores there (semantics, 4.4) and answers with the bound.
        if (logsumexp.abs() > SCORE_BOUND).any():
            logsumexp = None
    if layout == "BLHD":
        output = output.transpose(1, 2)
    attributes = {**options, "attn_bias": attn_bias, "layout": layout}
    cases.add(
        name,
        "scaled_dot_product_attention",
        attributes,
        {**stored, "attn_mask": attn_mask},
        {"output": output, "weights": weights, "logsumexp": logsumexp},
        note=note,
    )


def draw(
    source: Source,
    batch: int,
    heads: int,
    key_heads: int,
    rows: int,
    columns: int,
    width: int,
    value_width: int,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor, Tensor]:
    """query [B,H,L,D], key [B,Hkv,S,D], value [B,Hkv,S,Dv]."""
    return (
        source.normal(batch, heads, rows, width, dtype=dtype),
        source.normal(batch, key_heads, columns, width, dtype=dtype),
        source.normal(batch, key_heads, columns, value_width, dtype=dtype),
    )


def attention_sizes(cases: Cases) -> None:
    """Sizes on and off the tile, dense and causal."""
    both = (False, True)
    for batch, heads, rows, columns, width, value_width, modes in [
        (1, 1, 1, 1, 1, 1, both),
        (2, 1, 1, 1, 3, 5, both),
        (1, 1, 1, 33, 64, 64, both[:1]),
        (1, 2, 33, 1, 8, 8, both),
        (1, 2, 7, 13, 3, 3, both),
        (2, 2, 13, 7, 1, 3, both),
        (1, 2, 8, 16, 8, 8, both),
        (1, 1, 17, 33, 20, 3, both),
        (1, 1, 33, 17, 20, 64, both[1:]),
        (1, 1, 7, 17, 64, 1, both),
        (1, 1, 17, 17, 64, 64, both[1:]),
        (1, 1, 13, 33, 80, 80, both[:1]),
        (1, 1, 32, 32, 64, 20, both[1:]),
        (1, 1, 33, 65, 8, 20, both[1:]),
        (1, 1, 9, 129, 4, 4, both),
    ]:
        size = f"b{batch}_h{heads}_l{rows}_s{columns}_d{width}_dv{value_width}"
        for is_causal in modes:
            name = f"sdpa_{'causal' if is_causal else 'dense'}_{size}"
            tensors = draw(Source(name), batch, heads, heads, rows, columns, width, value_width)
            add_attention(cases, name, *tensors, is_causal=is_causal)


def attention_masks(cases: Cases) -> None:
    """Boolean and float masks of every shape that broadcasts to [B, H, L, S]."""
    batch, heads, rows, columns = 2, 2, 5, 9
    full = (batch, heads, rows, columns)
    shapes = [
        tuple(size if keep else 1 for size, keep in zip(full[4 - rank :], keeps, strict=True))
        for rank in (1, 2, 3, 4)
        for keeps in numpy.ndindex((2,) * rank)
    ]
    for shape in shapes:
        for kind in ("boolean", "float"):
            name = f"sdpa_mask_{kind}_{'x'.join(str(size) for size in shape)}"
            source = Source(name)
            tensors = draw(source, batch, heads, heads, rows, columns, 3, 3)
            mask = source.boolean(*shape) if kind == "boolean" else source.normal(*shape)
            add_attention(cases, name, *tensors, mask)


def attention_masked_rows(cases: Cases) -> None:
    """Fully and partly masked rows, and finite values that never mask."""
    rows, columns = 5, 7

    def boolean_row(source: Source) -> Tensor:
        mask = source.boolean(rows, columns)
        mask[1] = False
        return mask

    def float_row(source: Source) -> Tensor:
        mask = source.normal(rows, columns)
        mask[3] = -INFINITY
        mask[0, 2:5] = -INFINITY
        return mask

    def one_head(source: Source) -> Tensor:
        mask = source.boolean(2, rows, columns)
        mask[1, 2] = False
        return mask

    def one_batch(_: Source) -> Tensor:
        mask = torch.ones(2, 1, 1, columns, dtype=torch.bool)
        mask[0, ..., 4:] = False
        mask[1] = False
        return mask

    def filled(value: float) -> Tensor:
        mask = torch.zeros(rows, columns)
        mask[1] = value
        mask[2, ::2] = value
        return mask

    lowest = torch.finfo(torch.float32).min
    masks = {
        "boolean_row": boolean_row,
        "float_row": float_row,
        "one_head": one_head,
        "one_batch": one_batch,
        "all_false": lambda _: torch.zeros(rows, columns, dtype=torch.bool),
        "all_true": lambda _: torch.ones(rows, columns, dtype=torch.bool),
        "all_negative_infinity": lambda _: torch.full((rows, columns), -INFINITY),
        "row_of_minus_1e30": lambda _: filled(-1e30),
        "row_of_lowest": lambda _: filled(lowest),
        "all_lowest": lambda _: torch.full((1, columns), lowest),
        "large_finite": lambda source: source.normal(rows, columns) * 50,
    }
    for label, make in masks.items():
        name = f"sdpa_rows_{label}"
        source = Source(name)
        tensors = draw(source, 2, 2, 2, rows, columns, 4, 4)
        add_attention(cases, name, *tensors, make(source))


def attention_causal(cases: Cases) -> None:
    """Both alignments with L below, at and above S; lower-right with L > S has fully masked rows."""
    for rows, columns in [(5, 5), (4, 9), (9, 4), (1, 6), (6, 1), (17, 33), (33, 17)]:
        for attn_bias in ("causal_upper_left", "causal_lower_right"):
            name = f"sdpa_{attn_bias}_l{rows}_s{columns}"
            tensors = draw(Source(name), 1, 2, 2, rows, columns, 3, 3)
            add_attention(cases, name, *tensors, attn_bias=attn_bias)


def attention_grouped(cases: Cases) -> None:
    """Grouped-query and multi-query heads."""
    for heads, key_heads in [(4, 2), (6, 1), (6, 3), (3, 3)]:
        for option in ("dense", "causal", "boolean_mask", "float_head_mask", "lower_right"):
            name = f"sdpa_grouped_{heads}_{key_heads}_{option}"
            source = Source(name)
            tensors = draw(source, 2, heads, key_heads, 5, 7, 4, 3)
            arguments: dict = {"enable_gqa": True}
            if option == "causal":
                arguments["is_causal"] = True
            elif option == "boolean_mask":
                arguments["attn_mask"] = source.boolean(2, 1, 5, 7)
            elif option == "float_head_mask":
                arguments["attn_mask"] = source.normal(heads, 5, 7)
            elif option == "lower_right":
                arguments["attn_bias"] = "causal_lower_right"
            add_attention(cases, name, *tensors, **arguments)


def attention_scale(cases: Cases) -> None:
    """Scales of every sign; scores that saturate the softmax, made of integers so that they are exact."""
    for label, scale in [("zero", 0.0), ("negative", -0.5), ("one", 1.0), ("large", 2.5), ("small", 0.0625)]:
        for is_causal in (False, True):
            name = f"sdpa_scale_{label}{'_causal' if is_causal else ''}"
            add_attention(cases, name, *draw(Source(name), 1, 2, 2, 7, 13, 4, 4), is_causal=is_causal, scale=scale)
    for label, bound in [("saturated", 9), ("saturated_large", 65)]:
        name = f"sdpa_scale_{label}"
        source = Source(name)
        query, key, value = draw(source, 1, 2, 2, 7, 13, 4, 4)
        query, key = (source.integers(1 - bound, bound, *tensor.shape).float() for tensor in (query, key))
        add_attention(cases, name, query, key, value, scale=1.0)


def attention_half(cases: Cases) -> None:
    """16-bit tensors. The math backend widens them, computes in float32 and rounds once."""
    for label, dtype in [("float16", torch.float16), ("bfloat16", torch.bfloat16)]:
        for option in ("dense", "causal", "boolean_mask", "same_mask", "float32_mask", "grouped", "wide", "transposed"):
            name = f"sdpa_{label}_{option}"
            source = Source(name)
            if option == "wide":
                add_attention(cases, name, *draw(source, 1, 1, 1, 17, 33, 80, 64, dtype))
                continue
            heads = 4 if option == "grouped" else 2
            query, key, value = draw(source, 1, heads, 2, 7, 13, 8, 8, dtype)
            arguments: dict = {}
            if option == "causal":
                arguments["is_causal"] = True
            elif option == "boolean_mask":
                arguments["attn_mask"] = source.boolean(7, 13)
                arguments["attn_mask"][4] = False
            elif option == "same_mask":
                arguments["attn_mask"] = source.normal(1, 2, 7, 13, dtype=dtype)
            elif option == "float32_mask":
                arguments["attn_mask"] = source.normal(7, 13)
            elif option == "grouped":
                arguments["enable_gqa"] = True
            elif option == "transposed":
                arguments["layout"] = "BLHD"
            add_attention(cases, name, query, key, value, **arguments)


def attention_ranks(cases: Cases) -> None:
    """Rank 2 [L, D] and rank 3 [B, L, D], with masks of every rank that torch takes there."""
    batch, rows, columns = 2, 7, 13
    mask_shapes = {
        2: [(columns,), (1, columns), (rows, 1), (rows, columns)],
        3: [(columns,), (rows, columns), (1, rows, columns), (batch, 1, columns), (batch, rows, columns)],
    }
    for rank, shapes in mask_shapes.items():
        options: list[tuple[str, dict]] = [
            ("dense", {}),
            ("causal", {"is_causal": True}),
            ("lower_right", {"attn_bias": "causal_lower_right"}),
            ("scale", {"scale": 0.25}),
        ]
        for shape in shapes:
            label = "x".join(str(size) for size in shape)
            options += [(f"boolean_{label}", {"boolean": shape}), (f"float_{label}", {"float": shape})]
        for label, option in options:
            name = f"sdpa_rank{rank}_{label}"
            source = Source(name)
            lead = () if rank == 2 else (batch,)
            query = source.normal(*lead, rows, 5)
            key = source.normal(*lead, columns, 5)
            value = source.normal(*lead, columns, 6)
            mask = None
            if "boolean" in option:
                mask = source.boolean(*option.pop("boolean"))
            elif "float" in option:
                mask = source.normal(*option.pop("float"))
            add_attention(cases, name, query, key, value, mask, **option)


def attention_transposed(cases: Cases) -> None:
    """The projection layout [B, L, H, D], which torch reads through transposed, non-contiguous views."""
    for option in ("dense", "causal", "boolean_mask", "float_mask", "grouped", "lower_right"):
        name = f"sdpa_transposed_{option}"
        source = Source(name)
        query, key, value = draw(source, 2, 4, 2 if option == "grouped" else 4, 5, 9, 5, 3)
        arguments: dict = {}
        if option == "causal":
            arguments["is_causal"] = True
        elif option == "boolean_mask":
            arguments["attn_mask"] = source.boolean(4, 5, 9)
        elif option == "float_mask":
            arguments["attn_mask"] = source.normal(2, 1, 5, 9)
        elif option == "grouped":
            arguments["enable_gqa"] = True
        elif option == "lower_right":
            arguments["attn_bias"] = "causal_lower_right"
        add_attention(cases, name, query, key, value, layout="BLHD", **arguments)


def attention_empty(cases: Cases) -> None:
    """B, L or S of 0."""
    for label, batch, rows, columns in [
        ("batch", 0, 5, 7),
        ("queries", 2, 0, 7),
        ("keys", 2, 5, 0),
        ("queries_and_keys", 2, 0, 0),
    ]:
        for is_causal in (False, True):
            name = f"sdpa_empty_{label}{'_causal' if is_causal else ''}"
            add_attention(cases, name, *draw(Source(name), batch, 2, 2, rows, columns, 4, 3), is_causal=is_causal)


PARTS = [
    attention_sizes,
    attention_masks,
    attention_masked_rows,
    attention_causal,
    attention_grouped,
    attention_scale,
    attention_half,
    attention_ranks,
    attention_transposed,
    attention_empty,
]
