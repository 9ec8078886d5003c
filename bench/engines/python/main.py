"""The process of one native engine: answers the requests of python.mjs, one after the other.

Usage: python main.py pytorch|onnx_runtime

A request is the length of a JSON text (32 bits, little-endian), the text, and the bytes of the arrays that it names; an
answer likewise. The clock runs here, around each call: nothing of the way to and from Node is in a figure.
"""

import json
import struct
import sys
from importlib import import_module
from time import perf_counter

# Standard output carries the answers: what a library prints must not get between them.
answers = sys.stdout.buffer
sys.stdout = sys.stderr

try:
    import numpy

    engine = import_module(sys.argv[1])
    opening = {"version": engine.VERSION}
except Exception as error:  # an incomplete installation fails in ways of its own
    opening = {"error": str(error)}


def read_arrays(descriptions):
    """The arrays by name, each a copy that can be written to: libraries warn of others."""
    arrays = {}
    for array in descriptions:
        dtype = numpy.dtype(array["dtype"])
        size = int(numpy.prod(array["shape"])) * dtype.itemsize
        arrays[array["name"]] = numpy.frombuffer(bytearray(sys.stdin.buffer.read(size)), dtype).reshape(array["shape"])
    return arrays


def read_request():
    """The next one, or None at the end of standard input, which is the end of the benchmark."""
    length = sys.stdin.buffer.read(4)
    return json.loads(sys.stdin.buffer.read(*struct.unpack("<I", length))) if length else None


def write_answer(answer, payload=b""):
    text = json.dumps({**answer, "bytes": len(payload)}).encode()
    answers.write(struct.pack("<I", len(text)) + text + payload)
    answers.flush()


def call_until(job, seconds):
    """Calls until the time is up, at least once; the milliseconds of each call, and of its backward pass where the job tells."""
    times = []
    backward_times = []
    spent = 0.0
    while not times or spent < seconds:
        middle = []
        start = perf_counter()
        job.run(lambda: middle.append(perf_counter()))
        end = perf_counter()
        spent += end - start
        times.append(1000 * (end - start))
        backward_times += [1000 * (end - after_forward) for after_forward in middle]
    return {"times": times, "backwardTimes": backward_times}


write_answer(opening)
if "error" in opening:
    sys.exit()

job = None
while (request := read_request()) is not None:
    arrays = read_arrays(request["arrays"])
    try:
        payload = b""
        result = None
        match request["method"]:
            case "prepare":
                job = engine.prepare(request["case"], arrays)
                result = job is not None
            case "run":
                job.run(lambda: None)
            case "sample":
                result = call_until(job, request["milliseconds"] / 1000)
            case "result":
                results = [numpy.ascontiguousarray(array, numpy.float32).ravel() for array in job.result()]
                result = [array.size for array in results]
                payload = b"".join(array.tobytes() for array in results)
            case "close":
                job = None
        write_answer({"result": result}, payload)
    except Exception as error:  # an engine's refusal, of whatever class, belongs to the asker
        write_answer({"error": f"{type(error).__name__}: {error}"})
