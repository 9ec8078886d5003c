"""Writes the scores of scikit-learn, sacrebleu and jiwer for metrics.safetensors.

See ../README.md for the file and its records. Every case draws its data from a generator seeded with its own name, so a
case that is added or removed leaves the others as they are.
"""

import math
import sys
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path

import jiwer
import ml_dtypes
import numpy
import sacrebleu
from sklearn.metrics import accuracy_score, f1_score, log_loss

FOLDER = Path(__file__).resolve().parent
sys.path.append(str(FOLDER.parent))  # for case_file

from case_file import write_case_file  # noqa: E402

IGNORED = -100
# Of quotients, means and exponentials in float64, of some hundred terms.
DOUBLE_TOLERANCE = 2.0**-44

records: list[dict] = []
tensors: dict[str, numpy.ndarray] = {}


def source_of(name: str) -> numpy.random.Generator:
    return numpy.random.Generator(numpy.random.PCG64(zlib.crc32(name.encode())))


def add(
    name: str,
    operator: str,
    attributes: dict,
    inputs: dict[str, numpy.ndarray],
    score: float,
    tolerance: float = DOUBLE_TOLERANCE,
) -> None:
    """Adds a case, whose score stands in the record, as float64. A tolerance of 0 asks for the very number."""
    for key, tensor in inputs.items():
        tensors[f"{name}/inputs/{key}"] = tensor
    fields = {
        "inputs": list(inputs),
        "outputs": [],
        "score": float(score),
        "rtol": tolerance,
        "atol": min(tolerance, DOUBLE_TOLERANCE),
    }
    records.append({"name": name, "operator": operator, "attributes": attributes} | fields)


def add_classes(
    label: str,
    shape: tuple[int, ...],
    *,
    ignored_share: float = 0.0,
    mask_share: float | None = None,
    ignore_index: int = IGNORED,
    amplitude: float = 2.0,
    ties: bool = False,
    target_classes: int | None = None,
    dtype: type = numpy.float32,
) -> None:
    """Cases of logits [..., C] for all metrics of classes."""
    name = f"classes_{label}"
    source = source_of(name)
    classes = shape[-1]
    logits = (source.standard_normal(shape) * amplitude).astype(numpy.float32)
    if ties:
        logits = numpy.round(logits / amplitude).astype(numpy.float32)
    logits = logits.astype(dtype)
    targets = source.integers(0, target_classes or classes, shape[:-1]).astype(numpy.int32)
    # The model is right now and then.
    own = logits.astype(numpy.float64).argmax(-1)
    targets = numpy.where(source.random(shape[:-1]) < 0.4, own, targets).astype(numpy.int32)
    targets[source.random(shape[:-1]) < ignored_share] = ignore_index
    inputs = {"outputs": logits, "targets": targets}
    kept = targets != ignore_index
    if mask_share is not None:
        inputs["mask"] = source.random(shape[:-1]) < mask_share
        kept &= inputs["mask"]
    rows = logits.astype(numpy.float64)[kept]
    expected, predicted = targets[kept], rows.argmax(-1)
    attributes = {"ignore_index": ignore_index}
    add(f"accuracy_{label}", "accuracy_score", attributes, inputs, accuracy_score(expected, predicted))
    for average in ("macro", "weighted"):
        score = f1_score(expected, predicted, average=average, zero_division=0.0)
        add(f"f1_{average}_{label}", "f1_score", attributes | {"average": average}, inputs, score)
    if classes == 1:
        return  # log_loss wants two.
    # A loss in float32 is off by 2^-24 (20 + 2 range + C / 16) (1 + loss), and perplexity, relatively, by their mean.
    shifted = rows - rows.max(-1, keepdims=True)
    probabilities = numpy.exp(shifted) / numpy.exp(shifted).sum(-1, keepdims=True)
    losses = -numpy.log(numpy.take_along_axis(probabilities, expected[:, None], -1)[:, 0])
    spread = rows.max(-1) - rows.min(-1)
    if not losses.max() < 30:
        raise ValueError(f"{label}: log_loss would clip a probability of e^-{losses.max()}")
    bound = (2.0**-24 * (20 + 2 * spread + classes / 16) * (1 + losses)).mean()
    score = math.exp(log_loss(expected, probabilities, labels=range(classes)))
    tolerance = 2.0 ** math.ceil(math.log2(bound))
    add(f"perplexity_{label}", "log_loss", attributes, inputs, score, tolerance)


WORDS = "the a cat dog sat on mat is was it , . 3.5 10 don't well-known Größe 猫 naïve of and under near house".split()


def sentence(source: numpy.random.Generator, length: int) -> str:
    """Words, with some of the punctuation at the end of the word before."""
    return " ".join(source.choice(WORDS, length)).replace(" ,", ",").replace(" .", ".")


def altered(source: numpy.random.Generator, text: str, share: float) -> str:
    """The text with words left out, replaced and added."""
    words = []
    for word in text.split(" "):
        draw = source.random()
        if draw < share / 3:
            continue
        words.append(source.choice(WORDS) if draw < 2 * share / 3 else word)
        if draw > 1 - share / 3:
            words.append(source.choice(WORDS))
    return " ".join(words)


def add_bleu(label: str, hypotheses: list[str], references: Sequence[str | list[str]], tokenize: str = "none") -> None:
    """sacrebleu takes streams of references, of which each has one for every hypothesis, or None."""
    lists = [[reference] if isinstance(reference, str) else reference for reference in references]
    streams = [[own[number] if number < len(own) else None for own in lists] for number in range(max(map(len, lists)))]
    score = sacrebleu.corpus_bleu(hypotheses, streams, tokenize=tokenize).score
    attributes = {"hypotheses": hypotheses, "references": list(references), "tokenize": tokenize}
    add(f"bleu_{label}", "corpus_bleu", attributes, {}, score)


def bleu() -> None:
    add_bleu("worked_example", ["the cat sat on the mat"], ["the cat is on the mat"])
    add_bleu("equal", ["the cat is on the mat"], ["the cat is on the mat"])
    add_bleu("no_match", ["a b c d e"], ["v w x y z"])
    add_bleu("empty_hypothesis", [""], ["the cat is on the mat"])
    add_bleu("empty_reference", ["the cat is on the mat"], [""])
    add_bleu("both_empty", [""], [""])
    add_bleu("one_empty_of_two", ["", "the cat is on the mat"], ["a dog", "the cat is on a mat"])
    add_bleu("three_words", ["the cat sat"], ["the cat sat"])
    add_bleu("no_bigrams", ["cat the mat on sat"], ["the cat sat on mat"])
    add_bleu("only_bigrams", ["the cat x on mat"], ["the cat sat on the mat"])
    add_bleu("clipped", ["the the the the the the the"], ["the cat is on the mat"])
    add_bleu("clipped_by_several", ["the the the the cat"], [["the cat is on the mat", "the the dog and the cat"]])
    add_bleu("closest_length", ["a b c d e f g"], [["a b c d e", "a b c d e f g h i j", "x"]])
    add_bleu("closest_length_tie", ["a b c d e f"], [["a b c d e f g h", "a b c d"]])
    add_bleu("closest_length_tie_turned", ["a b c d e f"], [["a b c d", "a b c d e f g h"]])
    add_bleu("much_shorter", ["a b c d"], [" ".join("abcdefghijklmnopqrstuvwxyz" * 3)])
    add_bleu("much_longer", [" ".join("abcdefghijklmnopqrstuvwxyz" * 3)], ["a b c d"])
    add_bleu("white_space", ["  the\tcat  sat\u00a0on the\u3000mat \n"], ["the cat sat on the mat"])
    add_bleu("case", ["The cat sat on the mat"], ["the cat sat on the mat"])
    add_bleu("separators", ['a "b", c d e f'], ['a "b", c d e f g'])
    for label, count, share, shortest in [("near", 15, 0.2, 8), ("far", 15, 0.8, 8), ("short", 15, 0.4, 1)]:
        source = source_of(f"bleu_{label}")
        references = [sentence(source, int(source.integers(shortest, shortest + 15))) for _ in range(count)]
        hypotheses = [altered(source, reference, share) for reference in references]
        several = [
            [reference, *(altered(source, reference, 0.5) for _ in range(int(source.integers(0, 3))))]
            for reference in references
        ]
        for tokenize in ("none", "13a", "char"):
            add_bleu(f"{label}_{tokenize}", hypotheses, references, tokenize)
            add_bleu(f"{label}_{tokenize}_several", hypotheses, several, tokenize)


def add_error_rate(label: str, hypotheses: list[str], references: list[str]) -> None:
    # Both are quotients of the same whole numbers.
    attributes = {"hypotheses": hypotheses, "references": references}
    score = jiwer.wer(reference=references, hypothesis=hypotheses)
    add(f"word_error_rate_{label}", "wer", attributes, {}, score, 0.0)
    score = jiwer.cer(reference=references, hypothesis=hypotheses)
    add(f"character_error_rate_{label}", "cer", attributes, {}, score, 0.0)


def error_rates() -> None:
    add_error_rate("worked_example", ["the cat sat on the mat"], ["the cat is on the mat"])
    add_error_rate("equal", ["the cat"], ["the cat"])
    add_error_rate("inserted", ["the big black cat"], ["the cat"])
    add_error_rate("deleted", ["cat"], ["the big black cat"])
    add_error_rate("nothing_said", [""], ["the cat"])
    add_error_rate("nothing_to_say", ["the cat"], [""])
    add_error_rate("nothing_at_all", [""], [""])
    add_error_rate("one_empty_of_two", ["a cat", ""], ["", "the dog"])
    add_error_rate("more_than_one", ["a b c d e f"], ["x y"])
    add_error_rate("moved", ["b c d e a"], ["a b c d e"])
    for label, count, share in [("near", 30, 0.2), ("far", 30, 0.9)]:
        source = source_of(f"error_rate_{label}")
        references = [sentence(source, int(source.integers(1, 20))) for _ in range(count)]
        add_error_rate(label, [altered(source, reference, share) for reference in references], references)


def classes() -> None:
    add_classes("rows", (50, 4))
    add_classes("one_row", (1, 3))
    add_classes("one_class", (5, 1))
    add_classes("two_classes", (33, 2))
    add_classes("many_classes", (6, 257))
    add_classes("sequences", (4, 9, 7))
    add_classes("ignored", (4, 9, 7), ignored_share=0.4)
    add_classes("other_ignored", (4, 9, 7), ignored_share=0.4, ignore_index=-1)
    add_classes("mask", (4, 9, 7), mask_share=0.6)
    add_classes("mask_and_ignored", (4, 9, 7), mask_share=0.6, ignored_share=0.3)
    add_classes("ties", (60, 5), ties=True)
    add_classes("absent_classes", (40, 9), target_classes=3, amplitude=0.5)
    add_classes("sure", (20, 6), amplitude=4.0)
    add_classes("float16", (30, 5), dtype=numpy.float16)
    add_classes("bfloat16", (30, 5), dtype=ml_dtypes.bfloat16)
    add_classes("rank_4", (2, 3, 4, 5), mask_share=0.5)


if __name__ == "__main__":
    # jiwer and scikit-learn warn of empty texts and of classes that nobody predicted, which are the point here.
    warnings.simplefilter("ignore")
    classes()
    bleu()
    error_rates()
    write_case_file(FOLDER / "metrics.safetensors", records, tensors)
