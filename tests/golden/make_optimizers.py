#!/usr/bin/env python3
"""Makes optimizers.json: what Keras's optimisers, schedules, losses, metrics, early stopping and
validation split do.

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu==2.15.1
    venv/bin/python make_optimizers.py

    optimizers      text and learning rate as Synfire writes them; weights w0 [12], gradients and the
                    weights after each step [14][12]
    schedules       text; value at each of `steps`
    losses          output [5][4], target: labels [5] or rows [5][4]; mean loss, its gradient [5][4]
    metrics         output, target as above; value
    early_stopping  settings, the monitored value of each epoch; epoch (from 0) that stopped it or -1,
                    epoch whose weights it restored or -1
    splits          number of samples, fraction; samples left to train with
"""
import json
import os

import keras
import numpy as np
import tensorflow as tf
from keras.src.engine import data_adapter

O, S, L = tf.keras.optimizers, tf.keras.optimizers.schedules, tf.keras.losses
STEPS, WEIGHTS = 14, 12
SAMPLES, OUTPUTS = 5, 4


def array(a):
    a = np.asarray(a, np.float32)
    return {"shape": list(a.shape), "data": [float(x) for x in a.ravel()]}


def schedules():
    return {
        "0.01": 0.01,
        "exponential:initial=0.1,decay_steps=7,decay_rate=0.6": S.ExponentialDecay(0.1, 7, 0.6),
        "exponential:initial=0.1,decay_steps=7,decay_rate=0.6,staircase=true":
            S.ExponentialDecay(0.1, 7, 0.6, staircase=True),
        "inverse_time:initial=0.1,decay_steps=3,decay_rate=0.5": S.InverseTimeDecay(0.1, 3, 0.5),
        "inverse_time:initial=0.1,decay_steps=3,decay_rate=0.5,staircase=true":
            S.InverseTimeDecay(0.1, 3, 0.5, staircase=True),
        "piecewise_constant:boundaries=3/9/10,values=0.4/0.03/0.2/0.001":
            S.PiecewiseConstantDecay([3, 9, 10], [0.4, 0.03, 0.2, 0.001]),
        "polynomial:initial=0.1,decay_steps=9": S.PolynomialDecay(0.1, 9),
        "polynomial:initial=0.1,decay_steps=9,end=0.01,power=2.5":
            S.PolynomialDecay(0.1, 9, end_learning_rate=0.01, power=2.5),
        "polynomial:initial=0.1,decay_steps=9,end=0.01,power=0.5,cycle=true":
            S.PolynomialDecay(0.1, 9, end_learning_rate=0.01, power=0.5, cycle=True),
        "cosine:initial=0.1,decay_steps=12": S.CosineDecay(0.1, 12),
        "cosine:initial=0.1,decay_steps=12,alpha=0.2": S.CosineDecay(0.1, 12, alpha=0.2),
        "cosine:initial=0.001,decay_steps=12,alpha=0.1,warmup_target=0.2,warmup_steps=5":
            S.CosineDecay(0.001, 12, alpha=0.1, warmup_target=0.2, warmup_steps=5),
        "cosine:initial=0.001,decay_steps=12,warmup_target=0.2":
            S.CosineDecay(0.001, 12, warmup_target=0.2),
    }


def optimizers():
    exponential = "exponential:initial=0.1,decay_steps=7,decay_rate=0.6"
    made = [
        ("adam", "0.01", lambda r: O.Adam(r)),
        ("adam:beta1=0.8,beta2=0.95,epsilon=0.001", exponential, lambda r: O.Adam(r, 0.8, 0.95, 1e-3)),
        ("adamw", "0.01", lambda r: O.AdamW(r)),
        ("adamw:weight_decay=0.3", exponential, lambda r: O.AdamW(r, weight_decay=0.3)),
        ("sgd", "0.01", lambda r: O.SGD(r)),
        ("sgd:momentum=0.9", "0.01", lambda r: O.SGD(r, momentum=0.9)),
        ("sgd:momentum=0.9,nesterov=true", "0.01", lambda r: O.SGD(r, momentum=0.9, nesterov=True)),
        ("sgd:momentum=0.7,nesterov=true", exponential, lambda r: O.SGD(r, momentum=0.7, nesterov=True)),
        ("rmsprop", "0.01", lambda r: O.RMSprop(r)),
        ("rmsprop:rho=0.7,epsilon=0.01", exponential, lambda r: O.RMSprop(r, rho=0.7, epsilon=0.01)),
        ("rmsprop:momentum=0.6", "0.01", lambda r: O.RMSprop(r, momentum=0.6)),
        ("rmsprop:centered=true", "0.01", lambda r: O.RMSprop(r, centered=True)),
        ("rmsprop:momentum=0.6,centered=true", "0.01",
         lambda r: O.RMSprop(r, momentum=0.6, centered=True)),
    ]
    cases, rates = [], schedules()
    for i, (text, rate, make) in enumerate(made):
        random = np.random.RandomState(100 + i)
        w0 = random.randn(WEIGHTS).astype(np.float32)
        gradients = (random.randn(STEPS, WEIGHTS) * 10.0 ** random.randint(-3, 2, WEIGHTS)).astype(np.float32)
        gradients[:, 0] = 0
        gradients[5] = 0
        optimizer, w, seen = make(rates[rate]), tf.Variable(w0), []
        for g in gradients:
            optimizer.apply_gradients([(tf.constant(g), w)])
            seen.append(w.numpy().copy())
        cases.append({"text": text, "learning_rate": rate, "w0": array(w0), "gradients": array(gradients),
                      "w": array(seen)})
    return cases


def schedule_cases():
    steps = list(range(31)) + [100, 12345]
    return [{"text": text, "steps": steps,
             "values": array([s if isinstance(s, float) else s(step).numpy() for step in steps])}
            for text, s in schedules().items()]


def draws():
    random = np.random.RandomState(3)
    output = (random.randn(SAMPLES, OUTPUTS) * 2).astype(np.float32)
    output[4] = [1, -1, 0.25, 1]
    labels = random.randint(0, OUTPUTS, SAMPLES)
    labels[:2] = output[:2].argmax(1)
    one_hot = np.eye(OUTPUTS, dtype=np.float32)[labels]
    shares = random.dirichlet(np.ones(OUTPUTS), SAMPLES).astype(np.float32)
    values = random.randn(SAMPLES, OUTPUTS).astype(np.float32)
    signs = np.where(values > 0, 1, -1).astype(np.float32)
    binary = (values > 0).astype(np.float32)
    return output, labels, one_hot, shares, values, signs, binary


def losses():
    output, labels, one_hot, shares, values, signs, binary = draws()
    dense = L.CategoricalCrossentropy(from_logits=True)
    cases = []
    for name, loss, keras_target, target in [
            ("categorical_crossentropy", L.SparseCategoricalCrossentropy(from_logits=True), labels, None),
            ("categorical_crossentropy", dense, one_hot, one_hot),
            ("categorical_crossentropy", dense, shares, shares),
            ("mean_squared_error", L.MeanSquaredError(), values, values),
            ("mean_squared_error", L.MeanSquaredError(), one_hot, None),
            ("hinge", L.Hinge(), signs, signs),
            ("hinge", L.Hinge(), binary, binary),
            ("hinge", L.Hinge(), values, values),
            ("hinge", L.Hinge(), one_hot, None)]:
        y = tf.constant(output)
        with tf.GradientTape() as tape:
            tape.watch(y)
            value = loss(keras_target, y)
        case = {"loss": name, "output": array(output), "value": float(value),
                "gradient": array(tape.gradient(value, y))}
        case.update({"labels": labels.tolist()} if target is None else {"target": array(target)})
        cases.append(case)
    return cases


def metrics():
    output, labels, one_hot, shares, values, *_ = draws()
    M = tf.keras.metrics
    cases = []
    for name, metric, keras_target, target in [
            ("accuracy", M.SparseCategoricalAccuracy(), labels, None),
            ("accuracy", M.CategoricalAccuracy(), shares, shares),
            ("top_1_accuracy", M.SparseTopKCategoricalAccuracy(1), labels, None),
            ("top_2_accuracy", M.SparseTopKCategoricalAccuracy(2), labels, None),
            ("top_3_accuracy", M.TopKCategoricalAccuracy(3), shares, shares),
            ("mean_absolute_error", M.MeanAbsoluteError(), values, values),
            ("mean_absolute_error", M.MeanAbsoluteError(), one_hot, None)]:
        metric.update_state(keras_target, output)
        case = {"metric": name, "output": array(output), "value": float(metric.result())}
        case.update({"labels": labels.tolist()} if target is None else {"target": array(target)})
        cases.append(case)
    return cases


class Weights:
    """Stands for a model whose weights are the epoch that made them."""
    stop_training, epoch, restored = False, 0, -1

    def get_weights(self):
        return self.epoch

    def set_weights(self, epoch):
        self.restored = epoch


def early_stopping():
    cases = []
    for i in range(36):
        random = np.random.RandomState(500 + i)
        monitor = ["val_loss", "val_accuracy"][i % 2]
        values = np.round(0.5 + 0.1 * np.cumsum(random.randn(25)) * [-1, 1][i % 2] / 4, 3)
        settings = {"monitor": monitor, "patience": int(random.randint(0, 5)),
                    "min_delta": float([0, 0.02][random.randint(2)]),
                    "baseline": None if i % 3 else float(np.round(values[0] + random.randn() * 0.05, 3)),
                    "restore_best_weights": True, "start_from_epoch": 4 if i % 5 == 0 else 0}
        stopping, model, stopped = tf.keras.callbacks.EarlyStopping(**settings), Weights(), -1
        stopping.set_model(model)
        stopping.on_train_begin()
        for epoch, value in enumerate(values):
            model.epoch = epoch
            stopping.on_epoch_end(epoch, {monitor: float(value)})
            if model.stop_training:
                stopped = epoch
                break
        cases.append({**settings, "values": values.tolist(), "stopped": stopped,
                      "restored": int(model.restored)})
    return cases


def splits():
    cases = []
    for n, fraction in [(10, 0.3), (10, 0.1), (60000, 0.1), (60000, 0.15), (7, 0.5), (1000, 0.7), (3, 0.3)]:
        (train,), (validation,) = data_adapter.train_validation_split((np.arange(n),), fraction)
        assert list(train) + list(validation) == list(range(n))
        cases.append({"samples": n, "fraction": fraction, "training": len(train)})
    return cases


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimizers.json")
    made = {"generator": f"tensorflow {tf.__version__}, keras {keras.__version__}, numpy {np.__version__}",
            "optimizers": optimizers(), "schedules": schedule_cases(), "losses": losses(),
            "metrics": metrics(), "early_stopping": early_stopping(), "splits": splits()}
    with open(path, "w") as f:
        json.dump(made, f, separators=(",", ":"))
        f.write("\n")
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
