"""KerasSpiking on TensorFlow: the functional model of its tutorial, its steps unrolled, called as a
concrete function; the constant image goes through Dense once."""

import importlib.metadata

import keras_spiking
import tensorflow as tf

import contender as c

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

image, voltage = tf.keras.Input(c.INPUTS), tf.keras.Input(c.HIDDEN)
hidden, output = tf.keras.layers.Dense(c.HIDDEN), tf.keras.layers.Dense(c.CLASSES)
current = tf.keras.layers.RepeatVector(c.STEPS)(hidden(image))
spikes = keras_spiking.SpikingActivation("relu", dt=float(c.DT), unroll=True)(
    current, initial_state=[voltage])
model = tf.keras.Model([image, voltage],
                       output(tf.keras.layers.GlobalAveragePooling1D()(spikes)))
hidden.set_weights([c.w1, c.b1])
output.set_weights([c.w2, c.b2])


def concrete(rows):
    call = tf.function(lambda x, v: model([x, v], training=False),
                       jit_compile=c.variant == "xla")
    return call.get_concrete_function(tf.TensorSpec([rows, c.INPUTS]),
                                      tf.TensorSpec([rows, c.HIDDEN]))


c.serve(f"KerasSpiking {importlib.metadata.version('keras-spiking')}, "
        f"TensorFlow {tf.__version__}", concrete(1), tf.constant, infer_batch=concrete(c.BATCH))
