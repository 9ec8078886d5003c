"""Losses of torch.nn.functional with their gradients. Classes are stored last, where torch wants them second."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from cases import Cases, Source
from gradients import UNIT, Values, add_gradients
from torch import Tensor

REDUCTIONS = ("mean", "sum", "none")


def add_loss(
    cases: Cases,
    name: str,
    operator: str,
    attributes: dict,
    operands: Values,
    constants: dict[str, Tensor | None],
    loss: Callable[..., Tensor],
    errors: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    **fields: object,
) -> None:
    """Adds a loss of one operand. `errors` gives the units of loss and gradient, by the operand and the cotangent."""
    (operand,) = operands

    def bound(given: Values, cotangents: Values, _: Values) -> dict[str, Tensor]:
        own, gradient = errors(given[operand], cotangents["loss"].abs())
        return {"loss": UNIT * own, f"{operand}_gradient": UNIT * gradient}

    add_gradients(
        cases,
        f"loss_{name}",
        operator,
        attributes,
        operands,
        lambda **x: {"loss": loss(**x)},
        bound,
        constants=constants,
        **fields,
    )


def log_softmax_parts(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """p, ln p, and how many units both are off at least: ln p absolutely, p relatively (as functional_gradients has it)."""
    log = x.log_softmax(-1)
    return log.exp(), log, 26 + x.shape[-1] + 2 * log.abs() + (x - x.amax(-1, keepdim=True)).abs()


def cross_entropy(cases: Cases) -> None:
    def add(
        label: str,
        shape: tuple[int, ...],
        *,
        reduction: str = "mean",
        weight: bool = False,
        label_smoothing: float = 0.0,
        ignore_index: int = -100,
        ignored: int = 0,
        float_targets: bool = False,
        amplitude: float = 2.0,
    ) -> None:
        source = Source(f"loss_cross_entropy_{label}")
        x = source.normal(*shape) * amplitude
        classes = shape[-1]
        count = x.numel() // classes
        weights = source.uniform(0.2, 2.0, (classes,)) if weight else None
        if float_targets:
            target = source.normal(*shape).softmax(-1)
            q = target.reshape(count, classes).double()
            kept = torch.ones(count, dtype=torch.bool)
        else:
            target = source.integers(0, classes, *shape[:-1])
            if ignored == count:
                target = torch.full_like(target, ignore_index)
            elif ignored > 0:
                target.reshape(-1)[torch.randperm(count, generator=source.generator)[:ignored]] = ignore_index
            kept = target.reshape(-1) != ignore_index
            q = F.one_hot(target.reshape(-1).masked_fill(~kept, 0), classes).double()
        w = torch.ones(classes).double() if weights is None else weights.double()
        divisor = float(count) if float_targets else (w * q).sum(-1)[kept].sum()
        q = w * (label_smoothing / classes + (1 - label_smoothing) * q) * kept[:, None]

        def loss(input: Tensor) -> Tensor:
            flat = target.reshape(count, classes).to(input.dtype) if float_targets else target.reshape(-1)
            result = F.cross_entropy(
                input.reshape(count, classes),
                flat,
                None if weights is None else weights.to(input.dtype),
                ignore_index=ignore_index,
                label_smoothing=label_smoothing,
                reduction=reduction,
            )
            return result.reshape(shape[:-1]) if reduction == "none" else result

        def errors(input: Tensor, cotangent: Tensor) -> tuple[Tensor, Tensor]:
            p, log, own = log_softmax_parts(input.reshape(count, classes))
            each = (q * (own + (classes + 2) * log.abs())).sum(-1)
            scale = cotangent.reshape(-1, 1) / (divisor if reduction == "mean" else 1.0)
            terms = q.sum(-1, keepdim=True) * p * (own + classes) + 4 * q
            if reduction == "none":
                return each.reshape(shape[:-1]), (scale * terms).reshape(shape)
            total = (each + 2 * (count + 2) * (q * log.abs()).sum(-1)).sum() / (
                divisor if reduction == "mean" else 1.0
            )
            return total, (scale * (terms + 2 * (count + 2) * (p * q.sum(-1, keepdim=True) + q))).reshape(shape)

        attributes = {"ignore_index": ignore_index, "label_smoothing": label_smoothing, "reduction": reduction}
        constants = {"target": target if float_targets else target.to(torch.int32), "weight": weights}
        add_loss(cases, f"cross_entropy_{label}", "cross_entropy", attributes, {"input": x}, constants, loss, errors)

    for reduction in REDUCTIONS:
        add(f"plain_{reduction}", (7, 5), reduction=reduction)
        add(f"ignored_{reduction}", (9, 4), reduction=reduction, ignored=3)
        add(f"ignore_index_{reduction}", (9, 4), reduction=reduction, ignored=3, ignore_index=2)
        add(f"weight_{reduction}", (7, 5), reduction=reduction, weight=True)
        add(f"smoothing_{reduction}", (7, 5), reduction=reduction, label_smoothing=0.1)
        add(f"all_{reduction}", (2, 6, 7), reduction=reduction, label_smoothing=0.2, weight=True, ignored=4)
        add(f"float_targets_{reduction}", (7, 5), reduction=reduction, float_targets=True)
        options = {"float_targets": True, "weight": True, "label_smoothing": 0.3}
        add(f"float_targets_all_{reduction}", (2, 3, 5), reduction=reduction, **options)
    for reduction in ("sum", "none"):
        add(f"all_ignored_{reduction}", (3, 4), reduction=reduction, ignored=3)
    add("one_row", (11,), reduction="mean")
    add("one_class", (3, 1))
    add("smoothing_one", (4, 6), label_smoothing=1.0)
    add("wide", (3, 130))
    add("sharp", (6, 9), amplitude=30.0)


def binary_cross_entropy(cases: Cases) -> None:
    for label, shape, weight_shape, positive_shape in [
        ("plain", (5, 3), None, None),
        ("weight", (5, 3), (5, 3), None),
        ("weight_row", (5, 3), (3,), None),
        ("pos_weight", (5, 3), None, (3,)),
        ("both", (2, 5, 3), (5, 1), (3,)),
    ]:
        for reduction in REDUCTIONS:
            name = f"binary_cross_entropy_{label}_{reduction}"
            source = Source(f"loss_{name}")
            x = source.normal(*shape) * 4
            target = source.uniform(0, 1, shape)
            target[0] = target[0].round()
            weight = None if weight_shape is None else source.uniform(0.2, 2, weight_shape)
            positive = None if positive_shape is None else source.uniform(0.2, 5, positive_shape)

            def loss(
                input: Tensor, t: Tensor = target, w: Tensor = weight, p: Tensor = positive, r: str = reduction
            ) -> Tensor:
                w, p = (None if tensor is None else tensor.to(input.dtype) for tensor in (w, p))
                return F.binary_cross_entropy_with_logits(input, t.to(input.dtype), w, pos_weight=p, reduction=r)

            def errors(
                input: Tensor,
                cotangent: Tensor,
                t: Tensor = target,
                w: Tensor = weight,
                p: Tensor = positive,
                r: str = reduction,
            ) -> tuple[Tensor, Tensor]:
                # w[(1-z)x + P(ln(1 + e^-|x|) + max(-x, 0))], w[1-z - P(1 - sigmoid(x))] with P = 1 + (p-1)z
                z = t.double()
                own = 1.0 if w is None else w.double()
                # The two terms of P may cancel.
                spread = 1 + (0.0 if p is None else (p.double() - 1).abs()) * z
                each = own * (
                    (1 - z) * input.abs() + spread * (torch.log1p(torch.exp(-input.abs())) + F.relu(-input))
                )
                terms = own * (1 - z + spread)
                count = input.numel()
                if r == "none":
                    return 12 * each, 12 * cotangent * terms
                divisor = count if r == "mean" else 1
                return (12 + count) * each.sum() / divisor, 12 * terms / divisor

            add_loss(
                cases,
                name,
                "binary_cross_entropy_with_logits",
                {"reduction": reduction},
                {"input": x},
                {"target": target, "weight": weight, "pos_weight": positive},
                loss,
                errors,
            )


def mean_squared_error(cases: Cases) -> None:
    for label, shape in [("vector", (7,)), ("matrix", (4, 9)), ("rank3", (2, 3, 4))]:
        for reduction in REDUCTIONS:
            name = f"mse_{label}_{reduction}"
            source = Source(f"loss_{name}")
            target = source.normal(*shape)

            def errors(
                input: Tensor, cotangent: Tensor, t: Tensor = target, r: str = reduction
            ) -> tuple[Tensor, Tensor]:
                difference = (input - t.double()).abs()
                if r == "none":
                    return 4 * difference**2, 4 * 2 * difference * cotangent
                divisor = difference.numel() if r == "mean" else 1
                return (difference.numel() + 4) * (difference**2).sum() / divisor, 6 * 2 * difference / divisor

            add_loss(
                cases,
                name,
                "mse_loss",
                {"reduction": reduction},
                {"input": source.normal(*shape)},
                {"target": target},
                lambda input, t=target, r=reduction: F.mse_loss(input, t.to(input.dtype), reduction=r),
                errors,
            )


def connectionist_temporal_classification(cases: Cases) -> None:
    """Compared at the logits, behind a log-softmax: torch returns p - occupancy at the log-probabilities too."""

    def add(
        label: str,
        frames: int,
        classes: int,
        input_lengths: list[int],
        targets: list[list[int]],
        *,
        blank: int = 0,
        zero_infinity: bool = False,
        reduction: str = "mean",
        concatenated: bool = False,
        finite: bool = True,
    ) -> None:
        name = f"ctc_{label}"
        source = Source(f"loss_{name}")
        x = source.normal(frames, len(targets), classes) * 2
        lengths = torch.tensor([len(target) for target in targets])
        if concatenated:
            target = torch.tensor([label for labels in targets for label in labels])
        else:
            longest = max(1, *lengths.tolist())
            # What is padded is never looked at; a label that is one, so that reading it shows.
            target = torch.tensor([[*labels, *[classes - 1] * (longest - len(labels))] for labels in targets])
        frames_of = torch.tensor(input_lengths)

        def loss(logits: Tensor) -> Tensor:
            return F.ctc_loss(
                logits.log_softmax(-1),
                target,
                frames_of,
                lengths,
                blank=blank,
                reduction=reduction,
                zero_infinity=zero_infinity,
            )

        def errors(logits: Tensor, cotangent: Tensor) -> tuple[Tensor, Tensor]:
            # Every step of the forward and of the backward sum rounds a logarithm l to abs(l) units, a few times:
            # with the occupancy g, abs(l) g is at most g (loss + 1) + 1.
            each = F.ctc_loss(logits.log_softmax(-1), target, frames_of, lengths, blank, "none", True)
            p, _, own = log_softmax_parts(logits)
            inside = torch.arange(frames)[:, None, None] < frames_of[None, :, None]
            scale = {
                "mean": 1 / (lengths.clamp(min=1) * len(targets)),
                "sum": torch.ones(len(targets)),
                "none": cotangent,
            }[reduction]
            bound = 8 * frames * (each + 2)
            gradient = scale[None, :, None] * inside * (p * own + bound[None, :, None] + own)
            total = bound if reduction == "none" else ((bound + len(targets) * each) * scale).sum()
            return total, gradient

        attributes = {"blank": blank, "zero_infinity": zero_infinity, "reduction": reduction}
        constants = {
            "targets": target.to(torch.int32),
            "input_lengths": frames_of.to(torch.int32),
            "target_lengths": lengths.to(torch.int32),
        }
        add_loss(cases, name, "ctc_loss", attributes, {"logits": x}, constants, loss, errors, finite=finite)

    batch = [[1, 2, 3], [2, 2], [4, 1, 4, 3]]
    for reduction in REDUCTIONS:
        for concatenated in (False, True):
            suffix = f"{reduction}{'_concatenated' if concatenated else ''}"
            options = {"reduction": reduction, "concatenated": concatenated}
            add(f"lengths_{suffix}", 9, 5, [9, 6, 8], batch, **options)
        add(f"impossible_{reduction}", 6, 5, [6, 2, 3], batch, zero_infinity=True, reduction=reduction)
        # The second loss is infinite, and the gradient of its frames NaN.
        add(f"infinite_{reduction}", 6, 5, [6, 2, 6], batch, reduction=reduction, finite=False)
        add(f"blank_last_{reduction}", 7, 5, [7, 5], [[0, 1, 1], [3]], blank=4, reduction=reduction)
        add(f"empty_target_{reduction}", 5, 4, [5, 3], [[], [1, 2]], reduction=reduction)
    add("one_frame", 1, 3, [1], [[2]])
    add("exactly_enough", 5, 4, [5], [[1, 1, 2, 1]])
    add("long", 40, 12, [40, 31], [[1, 5, 5, 2, 8, 11, 3, 3, 3, 7], [9, 10, 4]])


def distillation(cases: Cases) -> None:
    """temperature² KL(softmax(teacher / temperature) ‖ softmax(student / temperature)), the mean over the batch."""
    for label, shape, temperature in [
        ("one", (5, 7), 1.0),
        ("two", (5, 7), 2.0),
        ("half", (3, 4), 0.5),
        ("wide", (2, 90), 4.0),
    ]:
        name = f"distillation_{label}"
        source = Source(f"loss_{name}")
        teacher = source.normal(*shape) * 2

        def loss(student: Tensor, teacher: Tensor = teacher, t: float = temperature) -> Tensor:
            soft = (teacher.to(student.dtype) / t).softmax(-1)
            return F.kl_div((student / t).log_softmax(-1), soft, reduction="batchmean") * t * t

        def errors(
            student: Tensor, _: Tensor, teacher: Tensor = teacher, t: float = temperature
        ) -> tuple[Tensor, Tensor]:
            (p, log_p, own_p), (q, log_q, own_q) = (
                log_softmax_parts(student / t),
                log_softmax_parts(teacher.double() / t),
            )
            # The divisions by the temperature round too.
            own = own_p + own_q + (student / t).abs() + (teacher.double() / t).abs()
            terms = q * (own * (1 + (log_q - log_p).abs()) + (q.numel() + 2) * (log_q.abs() + log_p.abs()))
            return t * t * terms.sum() / shape[0], t * own * (p + q) / shape[0]

        add_loss(
            cases,
            name,
            "distillation",
            {"temperature": temperature},
            {"student": source.normal(*shape) * 2},
            {"teacher": teacher},
            loss,
            errors,
        )


PARTS = [cross_entropy, binary_cross_entropy, mean_squared_error, connectionist_temporal_classification, distillation]
