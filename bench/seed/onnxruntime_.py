"""ONNX Runtime: the ten steps unrolled in the graph, which is how an exporter writes them."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import contender as c


def graph(rows):
    def tensor(name, values):
        return numpy_helper.from_array(np.asarray(values, np.float32), name)

    constants = [tensor("w1", c.w1), tensor("b1", c.b1), tensor("w2", c.w2), tensor("b2", c.b2),
                 tensor("dt", c.DT), tensor("scale", 1 / (c.STEPS * float(c.DT)))]
    nodes = [helper.make_node("Gemm", ["x", "w1", "b1"], ["current"]),
             helper.make_node("Relu", ["current"], ["rate"]),
             helper.make_node("Mul", ["rate", "dt"], ["drive"])]
    v = "voltage"
    for t in range(c.STEPS):
        nodes += [helper.make_node("Add", [v, "drive"], [f"u{t}"]),
                  helper.make_node("Floor", [f"u{t}"], [f"n{t}"])]
        if t + 1 < c.STEPS:
            nodes.append(helper.make_node("Sub", [f"u{t}", f"n{t}"], [f"v{t}"]))
        v = f"v{t}"
    nodes += [helper.make_node("Sum", [f"n{t}" for t in range(c.STEPS)], ["total"]),
              helper.make_node("Mul", ["total", "scale"], ["mean"]),
              helper.make_node("Gemm", ["mean", "w2", "b2"], ["logits"])]

    def value(name, columns):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, columns])

    whole = helper.make_graph(nodes, "seed", [value("x", c.INPUTS), value("voltage", c.HIDDEN)],
                              [value("logits", c.CLASSES)], constants)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def net(rows):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(graph(rows), options, ["CPUExecutionProvider"])
    outputs = ["logits"]
    return lambda x, v: session.run(outputs, {"x": x, "voltage": v})[0]


c.serve(f"ONNX Runtime {onnxruntime.__version__}", net(1), np.ascontiguousarray,
        infer_batch=net(c.BATCH))
