"""Writes ONNX's own node test cases for the operators that this package implements; see ../README.md.

The cases, their inputs and their expected outputs come from the Python package onnx as they are. onnx seeds numpy
before each of its case functions, so a second run gives the same bytes (on another processor numpy's last bits may
differ; the committed files count).
"""

import sys
import warnings
from pathlib import Path

import onnx
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.case.test_case import TestCase

FOLDER = Path(__file__).resolve().parent
# Appended, because the parent folder holds a folder named onnx that must not hide the package.
sys.path.append(str(FOLDER.parent))

from case_file import write_case_file  # noqa: E402

# Operator, file, number of cases in onnx 1.23.1 without the variants that expand the operator's function body.
OPERATORS = [
    ("Attention", "attention.safetensors", 93),
    ("RotaryEmbedding", "rotary_embedding.safetensors", 8),
    ("LayerNormalization", "layer_normalization.safetensors", 19),
    ("RMSNormalization", "rms_normalization.safetensors", 19),
    ("Gelu", "gelu.safetensors", 4),
]


def attribute_value(attribute: onnx.AttributeProto) -> object:
    """The attribute's value as JSON has it; a float keeps the value of its float32."""
    value = onnx.helper.get_attribute_value(attribute)
    return value.decode() if isinstance(value, bytes) else value


def record(case: TestCase) -> dict:
    """The case without its tensors. `inputs` and `outputs` are the node's: "" where an optional one is absent."""
    [node] = case.model.graph.node
    [opset] = [entry.version for entry in case.model.opset_import if entry.domain == node.domain]
    return {
        "name": case.name,
        "operator": node.op_type,
        "opset": opset,
        "attributes": {attribute.name: attribute_value(attribute) for attribute in node.attribute},
        "inputs": list(node.input),
        "outputs": list(node.output),
        "rtol": case.rtol,
        "atol": case.atol,
    }


def main() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # from other operators' overflow cases
        collected = collect_testcases()
    for operator, file, expected_count in OPERATORS:
        # An expanded variant holds the nodes of the function body instead of the operator.
        selected = [case for case in collected if [node.op_type for node in case.model.graph.node] == [operator]]
        if len(selected) != expected_count:
            raise ValueError(f"{operator}: expected {expected_count} cases, found {len(selected)}")
        cases, tensors = [], {}
        for case in selected:
            cases.append(record(case))
            [(inputs, outputs)] = case.data_sets
            for kind, arrays in (("inputs", inputs), ("outputs", outputs)):
                # The data holds the present tensors only, in the node's order.
                names = [name for name in cases[-1][kind] if name != ""]
                for name, array in zip(names, arrays, strict=True):
                    tensors[f"{case.name}/{kind}/{name}"] = array
        write_case_file(FOLDER / file, cases, tensors)


if __name__ == "__main__":
    main()
