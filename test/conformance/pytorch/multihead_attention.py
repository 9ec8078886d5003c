"""Cases of torch.nn.MultiheadAttention."""

import warnings

import numpy
import torch
from cases import INFINITY, Cases, Source, causal_mask
from torch import Tensor


def module_record(module: torch.nn.MultiheadAttention, arguments: dict) -> dict:
    """The constructor's arguments with torch's defaults filled in, and the mode."""
    defaults = {
        "dropout": 0.0,
        "bias": True,
        "add_bias_kv": False,
        "add_zero_attn": False,
        "kdim": None,
        "vdim": None,
        "batch_first": False,
    }
    return {
        "embed_dim": module.embed_dim,
        "num_heads": module.num_heads,
        **defaults,
        **arguments,
        "training": module.training,
    }


def masked_weights(weights: Tensor, hidden: Tensor) -> Tensor:
    """Weights with 0 in fully masked rows, where torch has NaN; `hidden` [B, H, L, T] is true at masked keys."""
    full = hidden.all(dim=-1, keepdim=True).expand(weights.shape)
    if not torch.equal(weights.isnan(), full):
        raise ValueError("torch's NaN weights are not those of the fully masked rows")
    return weights.masked_fill(full, 0.0)


def hidden_keys(module: torch.nn.MultiheadAttention, inputs: dict[str, Tensor | None]) -> Tensor:
    """Where the masks of a batched call hide a key, [B, H, L, S]. No extra keys: with them no row is fully masked."""
    axis = 0 if module.batch_first else 1
    batch, rows, columns = (
        inputs["query"].shape[axis],
        inputs["query"].shape[1 - axis],
        inputs["key"].shape[1 - axis],
    )
    hidden = torch.zeros(batch, module.num_heads, rows, columns, dtype=torch.bool)
    for mask, shape in (
        (inputs["key_padding_mask"], (batch, 1, 1, columns)),
        (inputs["attn_mask"], (-1, 1, rows, columns)),
    ):
        if mask is None:
            continue
        closed = mask if mask.dtype == torch.bool else mask == -INFINITY
        if closed.ndim == 3:
            shape = (batch, module.num_heads, rows, columns)
        hidden |= closed.reshape(shape)
    return hidden


def add_module(
    cases: Cases,
    name: str,
    embed_dim: int,
    num_heads: int,
    inputs: dict[str, Tensor | None],
    constructor: dict | None = None,
    *,
    need_weights: bool = True,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    attn_mask_is_causal: bool = False,
    training: bool = False,
    fully_masked: bool = False,
) -> None:
    """Adds a call of nn.MultiheadAttention on its slow path, with parameters that are all random.

    With `fully_masked` some row sees no key. torch then answers with NaN when it computes weights itself, and with a
    clean row (out_proj.bias) through scaled_dot_product_attention: the stored output is the latter's, the stored
    weights are 0 in those rows.
    """
    constructor = constructor or {}
    source = Source(name)
    module = torch.nn.MultiheadAttention(embed_dim, num_heads, **constructor).train(training)
    state = {}
    for key, parameter in module.state_dict().items():
        bound = 2.5 * parameter.shape[-1] ** -0.5 if parameter.ndim == 2 else 0.5
        state[key] = source.uniform(-bound, bound, parameter.shape)
    module.load_state_dict(state)
    call = {"need_weights": need_weights, "average_attn_weights": average_attn_weights, "is_causal": is_causal}
    arguments = {key: tensor for key, tensor in inputs.items() if tensor is not None}
    note = None
    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Support for mismatched")  # mixed kinds of masks are meant
        if fully_masked:
            output, _ = module(**arguments, need_weights=False)
            _, weights = module(**arguments, need_weights=True, average_attn_weights=False)
            weights = masked_weights(weights, hidden_keys(module, inputs))
            if average_attn_weights:
                weights = weights.mean(dim=1)
            note = "output from need_weights=False; torch's weights are NaN in fully masked rows, stored as 0"
            if not need_weights:
                weights = None
        else:
            output, weights = module(**arguments, **call)
    for tensor in (output, weights):
        if tensor is not None and not torch.isfinite(tensor).all():
            raise ValueError(f"{name}: torch's answer is not finite")
    cases.add(
        name,
        "MultiheadAttention",
        {**call, "attn_mask_is_causal": attn_mask_is_causal},
        inputs,
        {"output": output, "weights": weights},
        note=note,
        state=state,
        module=module_record(module, constructor),
        atol=1e-5,  # four products and a softmax in a row: torch itself is up to 3e-6 off
    )


def sequence(source: Source, batch: int | None, length: int, width: int, batch_first: bool) -> Tensor:
    """[L, N, E], [N, L, E] with batch_first, or [L, E] when batch is None."""
    if batch is None:
        return source.normal(length, width)
    return source.normal(batch, length, width) if batch_first else source.normal(length, batch, width)


def module_inputs(
    source: Source,
    batch: int | None,
    rows: int,
    columns: int,
    embed_dim: int,
    *,
    kdim: int | None = None,
    vdim: int | None = None,
    batch_first: bool = False,
    key_padding_mask: Tensor | None = None,
    attn_mask: Tensor | None = None,
    **_: object,
) -> dict[str, Tensor | None]:
    return {
        "query": sequence(source, batch, rows, embed_dim, batch_first),
        "key": sequence(source, batch, columns, kdim or embed_dim, batch_first),
        "value": sequence(source, batch, columns, vdim or embed_dim, batch_first),
        "key_padding_mask": key_padding_mask,
        "attn_mask": attn_mask,
    }


def padding(source: Source, kind: str, batch: int | None, columns: int) -> Tensor | None:
    """A key padding mask that leaves the first key of every batch open."""
    shape = (columns,) if batch is None else (batch, columns)
    if kind == "none":
        return None
    if kind == "float":
        mask = source.normal(*shape)
        mask[..., -1] = -INFINITY
        return mask
    mask = source.boolean(*shape, true_share=0.35)
    mask[..., 0] = False
    return mask


def module_mask(
    source: Source, kind: str, batch: int | None, num_heads: int, rows: int, columns: int
) -> Tensor | None:
    """An attn_mask of the kind "none" or "<boolean|float>_<2d|3d>" that leaves the first key of every row open."""
    if kind == "none":
        return None
    shape = (rows, columns) if kind.endswith("2d") else ((batch or 1) * num_heads, rows, columns)
    if kind.startswith("float"):
        mask = source.normal(*shape)
        mask[..., 0, -1] = -INFINITY
        return mask
    mask = source.boolean(*shape, true_share=0.35)
    mask[..., 0] = False
    return mask


def module_constructors(cases: Cases) -> None:
    """Every mixture of the constructor's options, on cross attention with L ≠ S and a boolean padding mask."""
    for index in numpy.ndindex((2,) * 5):
        bias, add_bias_kv, add_zero_attn, own_widths, batch_first = (bool(bit) for bit in index)
        constructor = {
            "bias": bias,
            "add_bias_kv": add_bias_kv,
            "add_zero_attn": add_zero_attn,
            "kdim": 5 if own_widths else None,
            "vdim": 7 if own_widths else None,
            "batch_first": batch_first,
        }
        name = "mha_constructor_" + "".join(str(bit) for bit in index)
        source = Source(name + "/inputs")
        mask = padding(source, "boolean", 2, 7)
        inputs = module_inputs(source, 2, 5, 7, 6, key_padding_mask=mask, **constructor)
        add_module(cases, name, 6, 3, inputs, constructor, average_attn_weights=sum(index) % 2 == 0)
    for label, widths in [("kdim", {"kdim": 9}), ("vdim", {"vdim": 3})]:
        name = f"mha_constructor_{label}_only"
        source = Source(name + "/inputs")
        add_module(cases, name, 6, 2, module_inputs(source, 2, 5, 7, 6, **widths), widths)


def module_masks(cases: Cases) -> None:
    """Every mixture of padding mask and attention mask, batched and unbatched."""
    rows, columns, embed_dim, num_heads = 5, 7, 6, 2
    toggle = False
    for batch in (2, None):
        for padding_kind in ("none", "boolean", "float"):
            for mask_kind in ("none", "boolean_2d", "boolean_3d", "float_2d", "float_3d"):
                toggle = not toggle
                name = f"mha_{'batched' if batch else 'unbatched'}_padding_{padding_kind}_mask_{mask_kind}"
                source = Source(name + "/inputs")
                # Unbatched inputs ignore batch_first, whatever it is.
                constructor = {"batch_first": toggle}
                inputs = module_inputs(
                    source,
                    batch,
                    rows,
                    columns,
                    embed_dim,
                    batch_first=toggle,
                    key_padding_mask=padding(source, padding_kind, batch, columns),
                    attn_mask=module_mask(source, mask_kind, batch, num_heads, rows, columns),
                )
                average = mask_kind not in ("boolean_3d", "float_2d")
                add_module(cases, name, embed_dim, num_heads, inputs, constructor, average_attn_weights=average)
    for label, constructor in [
        ("bias_kv", {"add_bias_kv": True}),
        ("zero", {"add_zero_attn": True}),
        ("both", {"add_bias_kv": True, "add_zero_attn": True}),
    ]:
        for batch in (2, None):
            name = f"mha_extra_keys_{label}_{'batched' if batch else 'unbatched'}"
            source = Source(name + "/inputs")
            inputs = module_inputs(
                source,
                batch,
                rows,
                columns,
                embed_dim,
                key_padding_mask=padding(source, "float", batch, columns),
                attn_mask=module_mask(source, "boolean_3d", batch, num_heads, rows, columns),
            )
            add_module(cases, name, embed_dim, num_heads, inputs, constructor, average_attn_weights=False)


def module_causal(cases: Cases) -> None:
    """is_causal with its mask given and weights asked for: there torch's hint changes nothing."""
    for label, rows, columns, batch, constructor, padding_kind, extra in [
        ("square", 7, 7, 2, {}, "none", None),
        ("short_queries", 4, 9, 2, {"batch_first": True}, "none", None),
        ("long_queries", 9, 4, 2, {}, "none", None),
        ("unbatched", 6, 6, None, {}, "none", None),
        ("padding_boolean", 7, 7, 2, {}, "boolean", None),
        ("padding_float", 7, 7, 2, {"batch_first": True}, "float", None),
        ("extra_keys", 5, 5, 2, {"add_bias_kv": True, "add_zero_attn": True}, "none", None),
        ("extra_keys_padding", 5, 5, 2, {"add_bias_kv": True, "add_zero_attn": True}, "boolean", None),
        ("with_boolean_mask", 7, 7, 2, {}, "none", "boolean_2d"),
        ("with_float_mask", 7, 7, 2, {}, "none", "float_3d"),
    ]:
        name = f"mha_causal_{label}"
        source = Source(name + "/inputs")
        mask = causal_mask(rows, columns)
        if extra is not None:
            own = module_mask(source, extra, batch, 2, rows, columns)
            mask = own.masked_fill(mask, True if own.dtype == torch.bool else -INFINITY)
        inputs = module_inputs(
            source,
            batch,
            rows,
            columns,
            6,
            **constructor,
            key_padding_mask=padding(source, padding_kind, batch, columns),
            attn_mask=mask,
        )
        add_module(
            cases,
            name,
            6,
            2,
            inputs,
            constructor,
            is_causal=True,
            attn_mask_is_causal=extra is None,
            average_attn_weights=label != "extra_keys",
        )


def module_masked_rows(cases: Cases) -> None:
    """Rows that see no key, by one mask or by two together; extra keys stay visible."""
    batch, rows, columns, num_heads = 2, 5, 7, 2
    padded = torch.zeros(batch, columns, dtype=torch.bool)
    padded[1] = True
    closed_row = torch.zeros(rows, columns, dtype=torch.bool)
    closed_row[2] = True
    closed_head = torch.zeros(batch * num_heads, rows, columns, dtype=torch.bool)
    closed_head[1, 3] = True
    half_padded = torch.zeros(batch, columns, dtype=torch.bool)
    half_padded[0, 4:] = True
    half_closed = torch.zeros(rows, columns, dtype=torch.bool)
    half_closed[1, :4] = True

    def minus_infinity(mask: Tensor) -> Tensor:
        return torch.zeros(mask.shape).masked_fill(mask, -INFINITY)

    for label, key_padding_mask, attn_mask, constructor, fully_masked in [
        ("padding_boolean", padded, None, {}, True),
        ("padding_float", minus_infinity(padded), None, {"batch_first": True}, True),
        ("mask_boolean", None, closed_row, {}, True),
        ("mask_float", None, minus_infinity(closed_row), {}, True),
        ("mask_one_head", None, closed_head, {"batch_first": True}, True),
        ("together", half_padded, half_closed, {}, True),
        ("together_mixed", half_padded, minus_infinity(half_closed), {}, True),
        ("no_bias", padded, closed_row, {"bias": False}, True),
        ("bias_kv_opens", padded, closed_row, {"add_bias_kv": True}, False),
        ("zero_opens", padded, closed_head, {"add_zero_attn": True}, False),
    ]:
        for need_weights in (True, False):
            name = f"mha_rows_{label}{'' if need_weights else '_output_only'}"
            source = Source(name + "/inputs")
            inputs = module_inputs(
                source,
                batch,
                rows,
                columns,
                6,
                **constructor,
                key_padding_mask=key_padding_mask,
                attn_mask=attn_mask,
            )
            add_module(
                cases,
                name,
                6,
                num_heads,
                inputs,
                constructor,
                need_weights=need_weights,
                average_attn_weights=label not in ("padding_boolean", "mask_one_head"),
                fully_masked=fully_masked,
            )


def module_sizes(cases: Cases) -> None:
    """Self and cross attention over head counts and sizes, with and without weights; modes without effect."""
    for label, batch, rows, columns, embed_dim, num_heads, widths, call in [
        ("one_by_one", 1, 1, 1, 1, 1, {}, {}),
        ("one_head", 2, 7, 13, 5, 1, {}, {}),
        ("width_one_heads", 2, 7, 13, 5, 5, {}, {"average_attn_weights": False}),
        ("one_key", 2, 7, 1, 6, 2, {}, {}),
        ("one_query", 2, 1, 13, 6, 2, {}, {"need_weights": False}),
        ("off_tile", 1, 17, 33, 26, 2, {}, {}),
        ("head_64", 1, 9, 17, 64, 1, {"kdim": 5, "vdim": 3}, {"need_weights": False}),
        ("head_20", 1, 17, 7, 40, 2, {"kdim": 7, "vdim": 7}, {"average_attn_weights": False}),
        ("output_only", 2, 7, 13, 8, 4, {}, {"need_weights": False}),
    ]:
        name = f"mha_size_{label}"
        source = Source(name + "/inputs")
        constructor = {"batch_first": True, **widths}
        inputs = module_inputs(source, batch, rows, columns, embed_dim, **constructor)
        add_module(cases, name, embed_dim, num_heads, inputs, constructor, **call)
    for label, constructor, training in [
        ("self", {"batch_first": True}, False),
        ("self_dropout_in_evaluation", {"dropout": 0.5}, False),
        ("self_training_without_dropout", {}, True),
    ]:
        name = f"mha_{label}"
        source = Source(name + "/inputs")
        inputs = module_inputs(source, 2, 7, 7, 8, **constructor)
        inputs["key"] = inputs["value"] = inputs["query"]
        add_module(cases, name, 8, 4, inputs, constructor, training=training)
    for label, batch, rows, columns in [("batch", 0, 5, 7), ("queries", 2, 0, 7)]:
        name = f"mha_empty_{label}"
        source = Source(name + "/inputs")
        inputs = module_inputs(source, batch, rows, columns, 6, batch_first=True)
        add_module(cases, name, 6, 2, inputs, {"batch_first": True}, need_weights=False)


def module_states(cases: Cases) -> None:
    """The state dict's names and shapes of fresh modules."""
    for bias, add_bias_kv, widths in [
        (bias, add_bias_kv, widths)
        for bias in (True, False)
        for add_bias_kv in (False, True)
        for widths in ({}, {"kdim": 5}, {"vdim": 7}, {"kdim": 5, "vdim": 7}, {"kdim": 6, "vdim": 6})
    ]:
        constructor = {"bias": bias, "add_bias_kv": add_bias_kv, **widths}
        module = torch.nn.MultiheadAttention(6, 2, **constructor)
        label = "_".join(f"{key}{value}" for key, value in widths.items()) or "same"
        cases.add(
            f"mha_state_{'bias' if bias else 'no_bias'}_{'bias_kv' if add_bias_kv else 'no_bias_kv'}_{label}",
            "MultiheadAttentionState",
            {},
            {},
            {},
            module=module_record(module, constructor),
            state_shapes={key: list(parameter.shape) for key, parameter in module.state_dict().items()},
        )


PARTS = [
    module_constructors,
    module_masks,
    module_causal,
    module_masked_rows,
    module_sizes,
    module_states,
]
