"""KerasSpiking on TensorFlow, called as a concrete function: the model of its tutorial, which takes
the image once for each step, or the same by hand: the constant image goes through Dense once, and the
steps are unrolled."""

import importlib.metadata

import keras_spiking
import numpy as np
import tensorflow as tf

import contender as c

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

documented = c.variant == "documented"
shape = [c.STEPS, c.INPUTS] if documented else [c.INPUTS]
image, voltage = tf.keras.Input(shape), tf.keras.Input(c.HIDDEN)
hidden, output = tf.keras.layers.Dense(c.HIDDEN), tf.keras.layers.Dense(c.CLASSES)
current = hidden(image)
if not documented:
    current = tf.keras.layers.RepeatVector(c.STEPS)(current)
spikes = keras_spiking.SpikingActivation("relu", dt=float(c.DT), unroll=not documented)(
    current, initial_state=[voltage])
model = tf.keras.Model([image, voltage],
                       output(tf.keras.layers.GlobalAveragePooling1D()(spikes)))
hidden.set_weights([c.w1, c.b1])
output.set_weights([c.w2, c.b2])


def concrete(rows):
    call = tf.function(lambda x, v: model([x, v], training=False),
                       jit_compile=c.variant == "xla")
    return call.get_concrete_function(tf.TensorSpec([rows, *shape]),
                                      tf.TensorSpec([rows, c.HIDDEN]))


def each_step(images):
    return tf.constant(np.tile(images[:, None, :], (1, c.STEPS, 1)))


c.serve(f"KerasSpiking {importlib.metadata.version('keras-spiking')}, "
        f"TensorFlow {tf.__version__}", concrete(1), tf.constant, infer_batch=concrete(c.BATCH),
        to_input=each_step if documented else None)
