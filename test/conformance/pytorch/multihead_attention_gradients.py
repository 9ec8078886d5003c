"""Gradients of torch.nn.MultiheadAttention: of its inputs, of a float mask and of every parameter."""

import warnings
from collections.abc import Callable

import numpy
import torch
from cases import INFINITY, Cases, Source, causal_mask
from gradients import Values, add_gradients, differentiate, flat
from multihead_attention import hidden_keys, module_inputs, module_mask, module_record, padding
from scaled_dot_product_attention_gradients import attention_terms
from torch import Tensor


def in_projections(module: torch.nn.MultiheadAttention, state: Values) -> list[tuple[Tensor, Tensor | None]]:
    """Weight and bias of query, key and value."""
    biases = [None] * 3 if module.in_proj_bias is None else list(state["in_proj_bias"].chunk(3))
    if module.in_proj_weight is None:
        return list(zip([state[f"{name}_proj_weight"] for name in "qkv"], biases, strict=True))
    return list(zip(state["in_proj_weight"].chunk(3), biases, strict=True))


def module_errors(
    module: torch.nn.MultiheadAttention,
    state_names: tuple[str, ...],
    constants: dict[str, Tensor | None],
    weights_count: int,
    call: Callable[..., dict[str, Tensor]],
) -> Callable[[Values, Values, Values], dict[str, Tensor]]:
    """2e + 2^-20 F, the form of attention's promise: e is how far off torch's own float32 run is, over a tensor.

    F takes the projected query, key, value and cotangent as they are, and the absolute terms of all products from
    there on: what the projections are off, they are in torch too, and it is in e. Heads whose weights are averaged
    are `weights_count`.
    """

    def errors(operands: Values, cotangents: Values, rounded: Values) -> dict[str, Tensor]:
        heads = module.num_heads
        width = module.embed_dim // heads
        signed = {name: operands[name] for name in state_names}
        state = {name: tensor.abs() for name, tensor in signed.items()}

        def batched(tensor: Tensor) -> Tensor:
            tensor = tensor.unsqueeze(0) if tensor.ndim == 2 else tensor
            return tensor if module.batch_first or operands["query"].ndim == 2 else tensor.transpose(0, 1)

        def unbatched(tensor: Tensor) -> Tensor:
            if operands["query"].ndim == 2:
                return tensor.squeeze(0)
            return tensor if module.batch_first else tensor.transpose(0, 1)

        def split(tensor: Tensor) -> Tensor:
            return tensor.unflatten(-1, (heads, width)).transpose(1, 2)

        projected = [
            batched(operands[name]) @ weight.T + (0.0 if bias is None else bias)
            for name, (weight, bias) in zip(("query", "key", "value"), in_projections(module, signed), strict=True)
        ]
        for index, name in ((1, "bias_k"), (2, "bias_v")):
            if name in signed:
                own = signed[name].expand(projected[index].shape[0], 1, -1)
                projected[index] = torch.cat([projected[index], own], 1)
            if module.add_zero_attn:
                projected[index] = torch.nn.functional.pad(projected[index], (0, 0, 0, 1))
        query, key, value = (split(tensor) for tensor in projected)
        magnitudes = [tensor.abs() for tensor in (query, key, value)]
        scale = width**-0.5
        batch, rows, columns = query.shape[0], query.shape[2], key.shape[2]
        own_columns = batched(operands["key"]).shape[1]
        added = torch.zeros(batch, heads, rows, columns, dtype=torch.float64)
        masks = {
            "key_padding_mask": constants.get("key_padding_mask", operands.get("key_padding_mask")),
            "attn_mask": constants.get("attn_mask", operands.get("attn_mask")),
        }
        for name, mask in masks.items():
            if mask is None:
                continue
            values = torch.zeros(mask.shape).masked_fill(mask, -INFINITY) if mask.dtype == torch.bool else mask
            if name == "key_padding_mask":
                values = values.reshape(-1, 1, 1, own_columns)
            elif mask.ndim == 3:
                values = values.reshape(batch, heads, rows, own_columns)
            added[..., :own_columns] += values.detach().double()
        scores = scale * query @ key.transpose(-2, -1) + added
        finite = added.masked_fill(added == -INFINITY, 0.0).abs()
        sizes = scale * magnitudes[0] @ magnitudes[1].transpose(-2, -1) + finite
        output_cotangent = batched(cotangents["output"].abs())
        inner_cotangent = split(batched(cotangents["output"]) @ signed["out_proj.weight"]).abs()
        weights_cotangent: Tensor | float = 0.0
        if "weights" in cotangents:
            weights_cotangent = cotangents["weights"].abs()
            weights_cotangent = weights_cotangent.reshape(batch, -1, rows, columns) / weights_count
        terms = attention_terms(*magnitudes, scores, sizes, scale, inner_cotangent, weights_cotangent)
        joined = {name: terms[name].transpose(1, 2).flatten(2) for name in ("query", "key", "value", "output")}
        result = {"output": joined["output"] @ state["out_proj.weight"].T + state.get("out_proj.bias", 0.0)}
        result["output"] = unbatched(result["output"])
        if "weights" in cotangents:
            weights = terms["weights"].mean(1) if weights_count > 1 else terms["weights"]
            result["weights"] = weights.reshape(cotangents["weights"].shape)
        result["out_proj.weight_gradient"] = output_cotangent.flatten(0, 1).T @ joined["output"].flatten(0, 1)
        result["out_proj.bias_gradient"] = output_cotangent.sum((0, 1))
        weight_gradients, bias_gradients = [], []
        for name, (weight, _) in zip(("query", "key", "value"), in_projections(module, state), strict=True):
            x = batched(operands[name].abs())
            term = joined[name][:, : x.shape[1]]
            weight_gradients.append(term.flatten(0, 1).T @ x.flatten(0, 1))
            bias_gradients.append(term.sum((0, 1)))
            result[f"{name}_gradient"] = unbatched(term @ weight)
            if name != "query" and f"bias_{name[0]}" in state:
                result[f"bias_{name[0]}_gradient"] = joined[name][:, own_columns].sum(0).reshape(1, 1, -1)
        if module.in_proj_weight is None:
            result |= {f"{name}_proj_weight_gradient": own for name, own in zip("qkv", weight_gradients, strict=True)}
        else:
            result["in_proj_weight_gradient"] = torch.cat(weight_gradients)
        result["in_proj_bias_gradient"] = torch.cat(bias_gradients)
        mask_term = terms["score"][..., :own_columns]
        if "attn_mask" in operands:
            mask = operands["attn_mask"]
            result["attn_mask_gradient"] = mask_term.flatten(0, 1) if mask.ndim == 3 else mask_term.sum((0, 1))
        if "key_padding_mask" in operands:
            result["key_padding_mask_gradient"] = mask_term.sum((1, 2)).reshape(operands["key_padding_mask"].shape)
        exact = flat(*differentiate(call, operands, cotangents, torch.float64))
        off = {name: (rounded[name].double() - truth).abs().max() for name, truth in exact.items()}
        return {name: 2 * error + 2.0**-20 * result[name] for name, error in off.items()}

    return errors


def add_module_gradients(
    cases: Cases,
    name: str,
    embed_dim: int,
    num_heads: int,
    inputs: dict[str, Tensor | None],
    constructor: dict | None = None,
    *,
    need_weights: bool = False,
    average_attn_weights: bool = True,
    fully_masked: bool = False,
    is_causal: bool = False,
) -> None:
    """Adds a call on torch's slow path, with parameters that are all random. Float masks have gradients too.

    With `is_causal` the mask is the causal one, which torch needs beside its hint.
    """
    name = f"gradient_{name}"
    constructor = constructor or {}
    source = Source(name)
    module = torch.nn.MultiheadAttention(embed_dim, num_heads, **constructor)
    state = {}
    for key, parameter in module.state_dict().items():
        bound = 2.5 * parameter.shape[-1] ** -0.5 if parameter.ndim == 2 else 0.5
        state[key] = source.uniform(-bound, bound, parameter.shape)
    call_arguments = {
        "need_weights": need_weights,
        "average_attn_weights": average_attn_weights,
        "is_causal": is_causal,
    }
    operands = {key: tensor for key, tensor in inputs.items() if tensor is not None and tensor.is_floating_point()}
    constants = {key: tensor for key, tensor in inputs.items() if tensor is not None and key not in operands}
    if fully_masked and (need_weights or not hidden_keys(module, inputs).all(-1).any()):
        raise ValueError(f"{name}: fully masked rows have no gradient in torch where weights are asked for")

    def call(**given: Tensor) -> dict[str, Tensor]:
        parameters = {key: given.pop(key) for key in state}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Support for mismatched")  # mixed kinds of masks are meant
            output, weights = torch.func.functional_call(
                module, parameters, (), {**given, **constants, **call_arguments}
            )
        return {"output": output} if weights is None else {"output": output, "weights": weights}

    add_gradients(
        cases,
        name,
        "MultiheadAttention",
        call_arguments,
        operands | state,
        call,
        module_errors(module, tuple(state), constants, num_heads if average_attn_weights else 1, call),
        constants=constants,
        state=tuple(state),
        module=module_record(module, constructor),
    )


def constructors(cases: Cases) -> None:
    """Every mixture of the constructor's options, on cross attention with a boolean padding mask, with weights and without."""
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
        source = Source(f"gradient_{name}/inputs")
        inputs = module_inputs(source, 2, 3, 5, 6, key_padding_mask=padding(source, "boolean", 2, 5), **constructor)
        need_weights = sum(index) % 2 == 0
        add_module_gradients(cases, name, 6, 3, inputs, constructor, need_weights=need_weights)


def masks(cases: Cases) -> None:
    rows, columns, embed_dim, num_heads = 4, 5, 6, 2
    toggle = False
    for batch in (2, None):
        for padding_kind in ("none", "boolean", "float"):
            for mask_kind in ("none", "boolean_2d", "boolean_3d", "float_2d", "float_3d"):
                toggle = not toggle
                if batch is None and "3d" in mask_kind:
                    continue
                name = f"mha_{'batched' if batch else 'unbatched'}_padding_{padding_kind}_mask_{mask_kind}"
                source = Source(f"gradient_{name}/inputs")
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
                add_module_gradients(cases, name, embed_dim, num_heads, inputs, {"batch_first": toggle})


def weights(cases: Cases) -> None:
    """Gradients through the returned weights, averaged and by heads, beside the output's."""
    for label, batch, average, constructor in [
        ("averaged", 2, True, {}),
        ("heads", 2, False, {"batch_first": True}),
        ("unbatched", None, True, {}),
        ("unbatched_heads", None, False, {}),
        ("extra_keys", 2, False, {"add_bias_kv": True, "add_zero_attn": True}),
        ("extra_keys_averaged", 2, True, {"add_bias_kv": True, "add_zero_attn": True}),
    ]:
        for mask_kind in ("none", "float_2d", "boolean_3d"):
            name = f"mha_weights_{label}_mask_{mask_kind}"
            source = Source(f"gradient_{name}/inputs")
            inputs = module_inputs(
                source,
                batch,
                4,
                5,
                6,
                **constructor,
                attn_mask=module_mask(source, mask_kind, batch, 2, 4, 5),
            )
            add_module_gradients(
                cases, name, 6, 2, inputs, constructor, need_weights=True, average_attn_weights=average
            )


def causal(cases: Cases) -> None:
    """The causal mask, which `isCausal` alone has to stand for."""
    for label, rows, columns, batch, constructor in [
        ("square", 6, 6, 2, {}),
        ("short_queries", 4, 7, 2, {"batch_first": True}),
        ("long_queries", 7, 4, 2, {}),
        ("unbatched", 5, 5, None, {}),
        ("extra_keys", 4, 4, 2, {"add_bias_kv": True, "add_zero_attn": True}),
    ]:
        name = f"mha_causal_{label}"
        source = Source(f"gradient_{name}/inputs")
        inputs = module_inputs(source, batch, rows, columns, 6, **constructor, attn_mask=causal_mask(rows, columns))
        add_module_gradients(cases, name, 6, 2, inputs, constructor, need_weights=True, is_causal=True)


def masked_rows(cases: Cases) -> None:
    """Queries that see no key: their gradient is 0, and the others' what they would be without them."""
    batch, rows, columns, num_heads = 2, 4, 5, 2
    padded = torch.zeros(batch, columns, dtype=torch.bool)
    padded[1] = True
    closed_row = torch.zeros(rows, columns, dtype=torch.bool)
    closed_row[2] = True
    closed_head = torch.zeros(batch * num_heads, rows, columns, dtype=torch.bool)
    closed_head[1, 3] = True
    for label, key_padding_mask, attn_mask, constructor in [
        ("padding", padded, None, {}),
        ("mask", None, closed_row, {"batch_first": True}),
        ("one_head", None, closed_head, {}),
        ("together", padded, closed_row, {"bias": False}),
    ]:
        name = f"mha_rows_{label}"
        source = Source(f"gradient_{name}/inputs")
        inputs = module_inputs(
            source, batch, rows, columns, 6, **constructor, key_padding_mask=key_padding_mask, attn_mask=attn_mask
        )
        add_module_gradients(cases, name, 6, num_heads, inputs, constructor, fully_masked=True)


def sizes(cases: Cases) -> None:
    for label, batch, rows, columns, embed_dim, num_heads, widths in [
        ("one_by_one", 1, 1, 1, 1, 1, {}),
        ("one_head", 2, 7, 9, 5, 1, {}),
        ("width_one_heads", 2, 5, 7, 5, 5, {}),
        ("one_key", 2, 5, 1, 6, 2, {}),
        ("one_query", 2, 1, 9, 6, 2, {}),
        ("off_tile", 1, 17, 33, 18, 2, {}),
        ("head_20", 1, 9, 7, 20, 1, {"kdim": 7, "vdim": 3}),
    ]:
        for need_weights in (False, True):
            name = f"mha_size_{label}{'_weights' if need_weights else ''}"
            source = Source(f"gradient_{name}/inputs")
            inputs = module_inputs(source, batch, rows, columns, embed_dim, **widths)
            add_module_gradients(cases, name, embed_dim, num_heads, inputs, widths, need_weights=need_weights)


PARTS = [constructors, masks, weights, causal, masked_rows, sizes]
