"""Gradients of attention with what torch's function lacks (softcap, ALiBi, windows, sinks), composed of its operations."""

from dataclasses import dataclass

import torch
from cases import INFINITY, Cases, Source
from gradients import Values, add_gradients, differentiate, flat
from scaled_dot_product_attention_gradients import SMALLEST_WEIGHT, attention_terms, sum_to
from torch import Tensor


@dataclass(frozen=True)
class Options:
    """The package's options by torch's kind of names. `results` are what is returned beside the output."""

    scale: float | None = None
    softcap: float = 0.0
    is_causal: bool = False
    causal_alignment: str = "upper-left"
    left_window_size: int = -1
    right_window_size: int = -1
    results: tuple[str, ...] = ()

    def positions(self, rows: int, columns: int) -> Tensor:
        """p - j, [L, S]."""
        offset = columns - rows if self.causal_alignment == "lower-right" else 0
        return torch.arange(rows)[:, None] + offset - torch.arange(columns)

    def visible(self, rows: int, columns: int) -> Tensor:
        distance = self.positions(rows, columns)
        visible = torch.ones(rows, columns, dtype=torch.bool)
        if self.is_causal:
            visible &= distance >= 0
        if self.left_window_size >= 0:
            visible &= distance <= self.left_window_size
        if self.right_window_size >= 0:
            visible &= -distance <= self.right_window_size
        return visible


def scores_of(options: Options, given: Values, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Scores with -Infinity at hidden keys, and the magnitudes of their terms, [B, H, L, S]."""
    query, key = given["query"], given["key"]
    key = key.repeat_interleave(query.shape[1] // key.shape[1], 1)
    scale = query.shape[-1] ** -0.5 if options.scale is None else options.scale
    scores = scale * query @ key.transpose(-2, -1)
    magnitudes = abs(scale) * query.abs() @ key.abs().transpose(-2, -1)
    if options.softcap > 0:
        scores = options.softcap * torch.tanh(scores / options.softcap)
    distance = options.positions(*scores.shape[-2:]).abs().to(scores.dtype)
    if "slopes" in given:
        bias = given["slopes"][:, None, None] * distance
        scores, magnitudes = scores - bias, magnitudes + bias.abs()
    if "attn_mask" in given:
        scores, magnitudes = scores + given["attn_mask"], magnitudes + given["attn_mask"].abs()
    closed = ~options.visible(*scores.shape[-2:])
    if hidden is not None:
        closed = closed | hidden
    return scores.masked_fill(closed, -INFINITY), magnitudes


def add_composed(cases: Cases, name: str, options: Options, operands: Values, hidden: Tensor | None = None) -> None:
    """Adds a case; `hidden` [L, S] is true at keys that a boolean mask hides."""
    name = f"gradient_attention_{name}"

    def call(**given: Tensor) -> dict[str, Tensor]:
        scores, _ = scores_of(options, given, hidden)
        reference = scores
        if "sinks" in given:
            sinks = given["sinks"][:, None, None].expand(*scores.shape[:-1], 1)
            reference = torch.cat([scores, sinks], -1)
        logsumexp = torch.logsumexp(reference, -1, keepdim=True)
        weights = torch.exp(scores - logsumexp)
        value = given["value"].repeat_interleave(scores.shape[1] // given["value"].shape[1], 1)
        results = {
            "output": weights @ value,
            "weights": weights,
            "scores": scores,
            "logsumexp": logsumexp.squeeze(-1),
        }
        return {result: results[result] for result in ("output", *options.results)}

    def errors(operands: Values, cotangents: Values, rounded: Values) -> dict[str, Tensor]:
        scores, magnitudes = scores_of(options, operands, hidden)
        heads = scores.shape[1]
        group = heads // operands["key"].shape[1]
        key, value = (operands[part].abs().repeat_interleave(group, 1) for part in ("key", "value"))
        absolute = {result: cotangent.abs() for result, cotangent in cotangents.items()}
        sinks = operands["sinks"][:, None, None] if "sinks" in operands else None
        terms = attention_terms(
            operands["query"].abs(),
            key,
            value,
            scores,
            magnitudes,
            operands["query"].shape[-1] ** -0.5 if options.scale is None else options.scale,
            absolute["output"],
            absolute.get("weights", 0.0),
            absolute["logsumexp"][..., None] if "logsumexp" in absolute else 0.0,
            absolute.get("scores", 0.0),
            sinks,
        )
        distance = options.positions(*scores.shape[-2:]).abs()
        sums = {
            "query_gradient": terms["query"],
            "key_gradient": terms["key"].unflatten(1, (-1, group)).sum(2),
            "value_gradient": terms["value"].unflatten(1, (-1, group)).sum(2),
            "slopes_gradient": (terms["score"] * distance).sum((0, 2, 3)),
            "output": terms["output"] / 2,
            "weights": terms["weights"],
            "scores": (1 + magnitudes) / 2,
            "logsumexp": terms["logsumexp"] / 2,
        }
        if sinks is not None:
            sums["sinks_gradient"] = terms["sinks"].sum((0, 2, 3))
        if "attn_mask" in operands:
            sums["attn_mask_gradient"] = sum_to(terms["score"], operands["attn_mask"].shape)
        bounds = {}
        for key, truth in flat(*differentiate(call, operands, cotangents, torch.float64)).items():
            off = (rounded[key].double() - truth).abs()
            if key in ("query_gradient", "key_gradient", "value_gradient", "output"):
                off = off.amax(-1, keepdim=True)
            bounds[key] = 2 * off + 2.0**-20 * sums[key]
            if key in ("output", "weights"):
                bounds[key] = bounds[key] + SMALLEST_WEIGHT * operands["value"].abs().max().clamp(min=1)
        return bounds

    add_gradients(
        cases,
        name,
        "attention",
        {
            "scale": options.scale,
            "softcap": options.softcap,
            "is_causal": options.is_causal,
            "causal_alignment": options.causal_alignment,
            "left_window_size": options.left_window_size,
            "right_window_size": options.right_window_size,
        },
        operands,
        call,
        errors,
        constants={"boolean_mask": None if hidden is None else ~hidden},
    )


def every_option(cases: Cases) -> None:
    rows, columns = 6, 9
    causal = {"is_causal": True, "causal_alignment": "lower-right"}
    for label, changes, parts in [
        ("softcap", {"softcap": 1.5}, ()),
        ("softcap_causal", {"softcap": 0.7, **causal}, ("attn_mask",)),
        ("slopes", {}, ("slopes",)),
        ("slopes_causal", causal, ("slopes",)),
        ("sinks", {}, ("sinks",)),
        ("sinks_causal", {"is_causal": True}, ("sinks",)),
        ("window", {"left_window_size": 2, "right_window_size": 1}, ()),
        ("window_causal", {"left_window_size": 3, **causal}, ("slopes", "sinks")),
        ("scale_negative", {"scale": -0.4, "softcap": 2.0}, ("slopes",)),
        ("all", {"softcap": 2.0, "left_window_size": 4, "scale": 0.8, **causal}, ("attn_mask", "slopes", "sinks")),
    ]:
        for results in ((), ("logsumexp",), ("weights", "logsumexp")):
            for heads, key_heads in [(2, 2), (4, 2)]:
                name = "_".join([label, *results, *(["grouped"] if key_heads < heads else [])])
                source = Source(name)
                operands = {
                    "query": source.normal(2, heads, rows, 4),
                    "key": source.normal(2, key_heads, columns, 4),
                    "value": source.normal(2, key_heads, columns, 3),
                }
                drawn = {
                    "attn_mask": source.normal(heads, rows, columns),
                    "slopes": source.uniform(0.1, 1.0, (heads,)),
                    "sinks": source.normal(heads),
                }
                operands |= {part: drawn[part] for part in parts}
                add_composed(cases, name, Options(**changes, results=results), operands)


def scores_and_hidden_rows(cases: Cases) -> None:
    """Gradients through the scores (weights of mode 2), and rows that see nothing but the sink."""
    for label, changes in [("plain", {}), ("softcap", {"softcap": 1.0})]:
        name = f"scores_{label}"
        source = Source(name)
        operands = {
            "query": source.normal(2, 2, 5, 4),
            "key": source.normal(2, 2, 7, 4),
            "value": source.normal(2, 2, 7, 3),
            "attn_mask": source.normal(5, 7),
            "slopes": source.uniform(0.1, 1.0, (2,)),
        }
        add_composed(cases, name, Options(**changes, results=("scores",)), operands)
    hidden = torch.zeros(5, 7, dtype=torch.bool)
    hidden[1] = True
    hidden[3, 2:5] = True
    source = Source("hidden_row_sinks")
    operands = {
        "query": source.normal(2, 2, 5, 4),
        "key": source.normal(2, 2, 7, 4),
        "value": source.normal(2, 2, 7, 3),
        "sinks": source.normal(2),
    }
    add_composed(cases, "hidden_row_sinks", Options(results=("logsumexp",)), operands, hidden)


PARTS = [every_option, scores_and_hidden_rows]
