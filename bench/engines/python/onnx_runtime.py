"""onnxruntime on one thread: runs the model that comes with the inputs."""

import onnxruntime

VERSION = onnxruntime.__version__


class Job:
    def __init__(self, session, feeds):
        self.session = session
        self.outputs = [output.name for output in session.get_outputs()]
        # Values in the library's own hands: neither inputs nor outputs are copied.
        self.feeds = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in feeds.items()}

    def run(self, _after_forward):
        return self.session.run_with_ort_values(self.outputs, self.feeds)

    def result(self):
        return [self.run(None)[0].numpy()]


def prepare(_case, arrays):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = arrays.pop("model").tobytes()
    return Job(onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]), arrays)
