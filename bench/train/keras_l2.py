"""Question: how far apart do seeds of KerasSpiking's L2 row end?

python keras_l2.py 0 1 2 ...    (bench/seed/requirements-tensorflow and tensorflow-probability)

The tutorial's net, dt 0.01, 10 steps, 10 epochs, on one thread; a line a seed. Behind a constant image the first layer is
computed once and repeated: the same sums, in a third of the time.
"""
import gzip
import json
import sys

import keras_spiking
import numpy as np
import tensorflow as tf

FOLDER = "/usr/share/datasets/fashion-mnist/"
STEPS, DT = 10, 0.01


def read(name, header):
    return np.frombuffer(gzip.open(FOLDER + name).read(), np.uint8, offset=header)


def images(name):
    return read(name + "-images-idx3-ubyte.gz", 16).reshape(-1, 784).astype(np.float32) / 255


def labels(name):
    return read(name + "-labels-idx1-ubyte.gz", 8).astype(np.int32)


def run(seed, train, test):
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(seed)
    layers = tf.keras.layers
    image = tf.keras.Input(784)
    spikes = keras_spiking.SpikingActivation(
        "relu",
        dt=DT,
        spiking_aware_training=True,
        activity_regularizer=keras_spiking.regularizers.L2(l2=1e-4, target=(10, 20)),
    )(layers.RepeatVector(STEPS)(layers.Dense(128)(image)))
    model = tf.keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling1D()(spikes)))
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    model.fit(*train, epochs=10, verbose=0)
    rates = tf.keras.Model(image, spikes).predict(test[0], verbose=0).mean(axis=1)
    return {
        "seed": seed,
        "accuracy": model.evaluate(*test, verbose=0)[1],
        "mean_rate_hz": float(rates.mean()),
        "max_rate_hz": float(rates.max()),
    }


def main():
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    train, test = ((images(name), labels(name)) for name in ("train", "t10k"))
    for seed in map(int, sys.argv[1:]):
        print(json.dumps(run(seed, train, test)), flush=True)


if __name__ == "__main__":
    main()
