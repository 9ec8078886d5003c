"""The storage form of the conformance data: safetensors, with the list of cases as JSON in the metadata."""

import json
from pathlib import Path

import numpy
from safetensors.numpy import save

LARGEST_FILE_BYTES = 1_000_000


def write_case_file(path: Path, cases: list[dict], tensors: dict[str, numpy.ndarray]) -> None:
    """Writes `cases` under the metadata key "cases" and `tensors` under their names.

    Raises ValueError when a case name repeats, when a case names a tensor that is missing, when a tensor belongs to
    no case, or when the file would pass LARGEST_FILE_BYTES.
    """
    named = [
        f"{case['name']}/{kind}/{name}"
        for case in cases
        for kind in ("inputs", "state", "outputs", "tolerances")
        for name in case.get(kind, [])
        if name != ""
    ]
    if len({case["name"] for case in cases}) != len(cases):
        raise ValueError(f"{path.name}: a case name repeats")
    if sorted(named) != sorted(tensors):
        raise ValueError(f"{path.name}: cases and tensors differ: {sorted(set(named) ^ set(tensors))}")
    # One metadata key only: safetensors writes several in an order that changes from run to run.
    metadata = {"cases": json.dumps(cases, allow_nan=False, separators=(",", ":"))}
    # ascontiguousarray would turn a scalar into a vector.
    contiguous = {name: numpy.require(array, requirements="C") for name, array in tensors.items()}
    content = save(contiguous, metadata=metadata)
    if len(content) > LARGEST_FILE_BYTES:
        raise ValueError(f"{path.name}: {len(content)} bytes, over {LARGEST_FILE_BYTES}")
    path.write_bytes(content)
    print(f"{path.name}: {len(cases)} cases, {len(content)} bytes")
