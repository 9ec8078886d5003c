"""Writes Keras's runs of `fit` and `evaluate` for fit.safetensors.

See ../README.md for the file and its records. Every case draws its data from a generator seeded with its own name, so a
case that is added or removed leaves the others as they are.
"""

import os
import sys
import zlib
from pathlib import Path

# Before Keras and torch are imported: one backend, and the same kernels on every x86-64 processor.
os.environ["KERAS_BACKEND"] = "torch"
os.environ["ATEN_CPU_CAPABILITY"] = "default"

import keras  # noqa: E402
import ml_dtypes  # noqa: E402
import numpy  # noqa: E402
import torch  # noqa: E402

FOLDER = Path(__file__).resolve().parent
sys.path.append(str(FOLDER.parent))  # for case_file

from case_file import write_case_file  # noqa: E402

# What is asked of another float32 run, and how near Keras's own is to itself in float64.
TOLERANCE = 1e-4
OWN_TOLERANCE = 1e-5
# An accuracy is a quotient of small whole numbers, which Keras rounds to float32.
ACCURACY_TOLERANCE = 1e-6

VOCABULARY, WIDTH, HIDDEN, FEATURES, CLASSES, LENGTH = 12, 6, 10, 5, 3, 7

State = dict[str, numpy.ndarray]
records: list[dict] = []
tensors: dict[str, numpy.ndarray] = {}


def philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Philox4x32-10 (Salmon et al. 2011)."""
    (k0, k1), (c0, c1, c2, c3) = key, counter
    for _ in range(10):
        first, second = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (second >> 32) ^ c1 ^ k0, second & 0xFFFFFFFF, (first >> 32) ^ c3 ^ k1, first & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


if philox((0, 0), (0, 0, 0, 0)) != (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8):
    raise ValueError("not Philox")


def drawn_seed(seed: int, number: int) -> int:
    """The seed that the package draws as its `number`th after `manualSeed(seed)`: two numbers of 24 bits."""
    words = [
        philox((seed, 0), (element // 4, 0, 0, 0xFFFFFFFF))[element % 4] for element in (2 * number, 2 * number + 1)
    ]
    return (words[0] >> 8) + (words[1] >> 8) * 2**24


def permutation(seed: int, epoch: int, count: int) -> list[int]:
    """The order of an epoch, by docs/training.md 8.4."""
    own = drawn_seed(seed, epoch)
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        word = philox((own & 0xFFFFFFFF, own >> 32), (i, 0, 3, 0xFFFFFFFF))[0]
        j = word * (i + 1) >> 32
        order[i], order[j] = order[j], order[i]
    return order


class Ordered(keras.utils.PyDataset):
    """Samples in an order that may change."""

    def __init__(self, inputs: numpy.ndarray, targets: numpy.ndarray, batch_size: int) -> None:
        super().__init__()
        self.data, self.batch_size, self.order = (inputs, targets), batch_size, list(range(len(targets)))

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[numpy.ndarray, ...]:
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return tuple(part[chosen] for part in self.data)


class Shuffling(keras.callbacks.Callback):
    """Puts samples into the package's order, another in each epoch."""

    def __init__(self, dataset: Ordered, seed: int) -> None:
        super().__init__()
        self.dataset, self.seed = dataset, seed

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.dataset.order = permutation(self.seed, epoch, len(self.dataset.order))


def model_of(kind: str) -> keras.Model:
    layers = keras.layers
    if kind == "dense":
        first = [keras.Input((FEATURES,)), layers.Dense(HIDDEN, activation="tanh", name="hidden")]
    else:
        first = [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(VOCABULARY, WIDTH, mask_zero=kind == "ragged", name="embedding"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(HIDDEN, activation="relu", name="hidden"),
        ]
    return keras.Sequential([*first, layers.Dense(CLASSES, name="head")])


def drawn_state(source: numpy.random.Generator, kind: str) -> State:
    """A start of our own, under PyTorch's names and in its layout."""
    inputs = FEATURES if kind == "dense" else WIDTH
    shapes = {} if kind == "dense" else {"embedding.weight": (VOCABULARY, WIDTH)}
    shapes |= {"hidden.weight": (HIDDEN, inputs), "hidden.bias": (HIDDEN,)}
    shapes |= {"head.weight": (CLASSES, HIDDEN), "head.bias": (CLASSES,)}
    return {name: source.uniform(-0.5, 0.5, shape).astype(numpy.float32) for name, shape in shapes.items()}


def weights_of(model: keras.Model) -> State:
    """As `drawn_state` has them."""
    state = {}
    for layer in model.layers:
        for variable in layer.trainable_variables:
            value = keras.ops.convert_to_numpy(variable)
            name = {"embeddings": "weight", "kernel": "weight", "bias": "bias"}[variable.name]
            state[f"{layer.name}.{name}"] = value.T if variable.name == "kernel" else value
    return state


def load(model: keras.Model, state: State) -> None:
    for layer in model.layers:
        own = [state[name] for name in state if name.startswith(f"{layer.name}.")]
        if own:
            layer.set_weights([own[0] if layer.name == "embedding" else own[0].T, *own[1:]])


def optimizer_of(attributes: dict) -> keras.Optimizer:
    arguments = dict(attributes["optimizer_arguments"])
    schedule = attributes["schedule"]
    if schedule is not None:
        given = {key: value for key, value in schedule.items() if key != "name"}
        rate = arguments["learning_rate"]
        warmup = given.get("warmup_steps")
        start = {"initial_learning_rate": 0.0, "warmup_target": rate} if warmup else {"initial_learning_rate": rate}
        arguments["learning_rate"] = getattr(keras.optimizers.schedules, schedule["name"])(**start, **given)
    return getattr(keras.optimizers, attributes["optimizer"])(
        **arguments, global_clipnorm=attributes["global_clipnorm"]
    )


def run(attributes: dict, inputs: State, state: State, dtype: str) -> State:
    """What Keras answers, computing in a dtype."""
    keras.config.set_floatx(dtype)
    model = model_of(attributes["model"])
    load(model, state)
    model.compile(
        optimizer=optimizer_of(attributes),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    own = {key: value.astype(dtype) if value.dtype.kind == "f" else value for key, value in inputs.items()}
    x, y = own["inputs"], own["targets"]
    validation = (own["validation_inputs"], own["validation_targets"]) if "validation_inputs" in own else None
    stopping = attributes["early_stopping"]
    options = {
        "epochs": attributes["epochs"],
        "callbacks": [] if stopping is None else [keras.callbacks.EarlyStopping(**stopping)],
        "shuffle": False,
        "verbose": 0,
    }
    size, seed, share = attributes["batch_size"], attributes["shuffle_seed"], attributes["validation_split"]
    if seed is None:
        given = {"validation_data": validation} if share is None else {"validation_split": share}
        history = model.fit(x, y, batch_size=size, **given, **options).history
    else:
        if share is not None:
            first = int(len(y) * (1 - share))
            validation = (x[first:], y[first:])
            x, y = x[:first], y[:first]
        if validation is not None:
            validation = Ordered(*validation, size)
        dataset = Ordered(x, y, size)
        options["callbacks"].append(Shuffling(dataset, seed))
        history = model.fit(dataset, validation_data=validation, **options).history
    judged = ("inputs", "targets") if "validation_inputs" not in own else ("validation_inputs", "validation_targets")
    evaluated = model.evaluate(
        own[judged[0]], own[judged[1]], batch_size=attributes["evaluate_batch_size"], verbose=0, return_dict=True
    )
    return (
        {key: numpy.array(values, numpy.float64) for key, values in history.items()}
        | {f"evaluate_{key}": numpy.array(value, numpy.float64) for key, value in evaluated.items()}
        | {f"final.{key}": value.astype(numpy.float64) for key, value in weights_of(model).items()}
    )


def drawn_data(source: numpy.random.Generator, kind: str, count: int, noise: float) -> tuple[numpy.ndarray, ...]:
    """Inputs, and targets that can be told from them but for a share that is noise. Padding is 0, and at the end."""
    if kind == "dense":
        inputs = source.standard_normal((count, FEATURES)).astype(numpy.float32)
        targets = (inputs[:, :CLASSES]).argmax(-1)
    else:
        inputs = source.integers(1, VOCABULARY, (count, LENGTH))
        if kind == "ragged":
            inputs[numpy.arange(LENGTH) >= source.integers(1, LENGTH + 1, (count, 1))] = 0
        seen = numpy.stack([(inputs % CLASSES == number) & (inputs > 0) for number in range(CLASSES)], -1)
        targets = seen.sum(1).argmax(-1)
        inputs = inputs.astype(numpy.int32)
    wrong = source.random(count) < noise
    targets = numpy.where(wrong, source.integers(0, CLASSES, count), targets)
    return inputs, targets.astype(numpy.int32)


def apart(name: str, ours: numpy.ndarray, truth: numpy.ndarray) -> float:
    """How far a run is from another, as a share of what is allowed."""
    if ours.shape != truth.shape:
        return numpy.inf
    return float((numpy.abs(ours - truth) / tolerance_of(name, truth)).max())


def tolerance_of(name: str, truth: numpy.ndarray) -> numpy.ndarray:
    if name.endswith("accuracy"):
        return numpy.full(truth.shape, ACCURACY_TOLERANCE)
    # Of a tensor's parameters some may be near 0.
    return TOLERANCE * (numpy.abs(truth).max() + 0 * truth if name.startswith("final.") else numpy.abs(truth))


def add(
    label: str,
    kind: str,
    *,
    count: int = 53,
    validation_count: int = 0,
    noise: float = 0.1,
    optimizer: str = "SGD",
    global_clipnorm: float | None = None,
    schedule: dict | None = None,
    epochs: int = 5,
    batch_size: int = 16,
    validation_split: float | None = None,
    early_stopping: dict | None = None,
    shuffle_seed: int | None = None,
    evaluate_batch_size: int = 32,
    stops: bool = False,
    **optimizer_arguments: object,
) -> None:
    """Adds a run. Raises ValueError where its float32 isn't near to float64, or what it is to show doesn't happen."""
    name = f"fit_{label}"
    source = numpy.random.Generator(numpy.random.PCG64(zlib.crc32(name.encode())))
    attributes = {
        "model": kind,
        "sizes": {"vocabulary": VOCABULARY, "width": WIDTH, "hidden": HIDDEN, "features": FEATURES, "classes": CLASSES},
        "optimizer": optimizer,
        "optimizer_arguments": optimizer_arguments,
        "global_clipnorm": global_clipnorm,
        "schedule": schedule,
        "epochs": epochs,
        "batch_size": batch_size,
        "validation_split": validation_split,
        "early_stopping": early_stopping,
        "shuffle_seed": shuffle_seed,
        "evaluate_batch_size": evaluate_batch_size,
    }
    inputs = dict(zip(("inputs", "targets"), drawn_data(source, kind, count, noise), strict=True))
    if validation_count > 0:
        drawn = drawn_data(source, kind, validation_count, noise)
        inputs |= dict(zip(("validation_inputs", "validation_targets"), drawn, strict=True))
    state = drawn_state(source, kind)
    answers = run(attributes, inputs, state, "float32")
    exact = run(attributes, inputs, state, "float64")
    distances = {key: apart(key, answers[key], exact[key]) for key in answers}
    worst = max(distances, key=distances.__getitem__)
    print(
        f"{name}: {len(answers['loss'])} epochs, loss {answers['loss'][0]:.4f} to {answers['loss'][-1]:.4f},", end=" "
    )
    print(f"accuracy to {answers['accuracy'][-1]:.3f}, val", numpy.round(answers.get("val_loss", numpy.array([])), 4))
    print(f"  {worst}: {distances[worst]:.1e} of the tolerance from float64")
    if not distances[worst] <= (1 if worst.endswith("accuracy") else OWN_TOLERANCE / TOLERANCE):
        raise ValueError(f"{name}: {worst} in float32 is {distances[worst]} of the tolerance from float64")
    if early_stopping is not None and stops != (len(answers["loss"]) < epochs):
        raise ValueError(f"{name}: ran {len(answers['loss'])} of {epochs} epochs")
    groups = {
        "inputs": inputs,
        "state": state,
        "outputs": {key: value.astype(numpy.float32) for key, value in answers.items()},
        "tolerances": {key: tolerance_of(key, value).astype(ml_dtypes.bfloat16) for key, value in answers.items()},
    }
    record: dict = {"name": name, "operator": "fit", "attributes": attributes}
    for group, content in groups.items():
        record[group] = list(content)
        tensors.update({f"{name}/{group}/{key}": value for key, value in content.items()})
    records.append(record)


def runs() -> None:
    sgd = {"learning_rate": 0.3}
    add("sgd", "pooled", **sgd)
    add("dense", "dense", **sgd)
    add("momentum", "pooled", validation_count=20, learning_rate=0.1, momentum=0.9)
    add("nesterov", "dense", validation_count=20, learning_rate=0.1, momentum=0.8, nesterov=True)
    add("one_batch", "dense", batch_size=64, **sgd)
    add("single_samples", "dense", count=11, batch_size=1, evaluate_batch_size=4, learning_rate=0.1)
    add("whole_batches", "dense", count=48, batch_size=16, **sgd)
    add("validation_split", "pooled", count=61, validation_split=0.3, **sgd)
    add("validation_split_rounded", "dense", count=37, validation_split=0.1, batch_size=8, **sgd)
    add("clipped", "dense", global_clipnorm=0.2, learning_rate=0.5)
    add("cosine", "dense", schedule={"name": "CosineDecay", "decay_steps": 18, "alpha": 0.1}, learning_rate=0.5)
    cosine = {"name": "CosineDecay", "decay_steps": 14, "alpha": 0.0, "warmup_steps": 4}
    add("cosine_warmup", "pooled", schedule=cosine, learning_rate=0.5)
    linear = {"name": "PolynomialDecay", "decay_steps": 20, "end_learning_rate": 0.0, "power": 1.0}
    add("linear", "dense", schedule=linear, learning_rate=0.5)
    # Keras adds epsilon before the correction of the bias, torch after it: here it is nothing to either.
    add("adam", "dense", optimizer="Adam", learning_rate=0.02, epsilon=1e-12)
    add("adamw", "dense", optimizer="AdamW", learning_rate=0.02, epsilon=1e-12, weight_decay=0.1)
    add("ragged", "ragged", validation_count=20, **sgd)
    add("shuffled", "pooled", shuffle_seed=7, **sgd)
    add("shuffled_split", "dense", count=61, shuffle_seed=11, validation_split=0.25, learning_rate=0.1, momentum=0.9)
    everything = {"global_clipnorm": 0.5, "schedule": cosine | {"decay_steps": 26}, "epochs": 8}
    add("everything", "dense", shuffle_seed=3, validation_count=30, learning_rate=0.5, **everything)
    stopping = {"monitor": "val_loss", "min_delta": 0.0, "patience": 0, "restore_best_weights": False}
    noisy = {"count": 37, "validation_count": 25, "noise": 0.7, "epochs": 12, "batch_size": 10, "learning_rate": 0.7}
    add("stopping", "dense", early_stopping=stopping, stops=True, **noisy)
    restoring = stopping | {"patience": 3, "restore_best_weights": True}
    add("stopping_patience_restored", "dense", early_stopping=restoring, stops=True, **noisy)
    add("stopping_patience", "pooled", early_stopping=stopping | {"patience": 2}, stops=True, **noisy)
    add(
        "stopping_min_delta", "dense", early_stopping=stopping | {"min_delta": 0.02, "patience": 1}, stops=True, **noisy
    )
    never = {"patience": 50, "restore_best_weights": True}
    add("stopping_restored_at_the_end", "dense", early_stopping=stopping | never, **noisy)
    training = {"monitor": "loss", "min_delta": 0.05, "patience": 2, "restore_best_weights": True}
    add("stopping_training_loss", "dense", epochs=12, early_stopping=training, stops=True, **sgd)
    add(
        "stopping_shuffled",
        "dense",
        shuffle_seed=5,
        early_stopping=restoring | {"patience": 2},
        stops=True,
        **noisy,
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs()
    write_case_file(FOLDER / "fit.safetensors", records, tensors)
