"""Writes front/ with Keras 3.15: models with fixed batch sizes, layers in front that prepare inputs, and what matters in training alone.

usage: python make_front.py
expected.json holds inputs, and what each model gives for them.
"""
import json
import os

import keras
import numpy as np
from keras import layers

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "front")
inputs = (np.random.RandomState(1).rand(32, 2, 3) * [1, 10, 100] + [5, 0, -50]).astype("f4")


@keras.saving.register_keras_serializable("test")
class Custom(keras.regularizers.Regularizer):
    def __call__(self, x):
        return 0.1 * keras.ops.sum(keras.ops.abs(x))

    def get_config(self):
        return {}


def adapted(**arguments):
    layer = layers.Normalization(**arguments)
    layer.adapt(np.random.RandomState(3).rand(16, 2, 3) * 2 - 0.8)
    return layer


keras.utils.set_random_seed(2)
everything = keras.Sequential(
    [
        layers.Input((2, 3), batch_size=32),
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1, 2, 0.5]),
        adapted(),
        adapted(axis=1),
        adapted(axis=None),
        layers.Flatten(),
        layers.Rescaling([0.05, 0.1, 0.02, 0.01, 0.03, 0.04], offset=[0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        layers.Normalization(axis=None, mean=-0.5, variance=0.25),
        layers.Dense(4, "tanh", activity_regularizer="l2", kernel_constraint="max_norm", kernel_regularizer=Custom()),
        layers.GaussianNoise(0.5),
        layers.Dense(2, "softmax", bias_constraint="non_neg", bias_regularizer="l1"),
    ]
)
x = layers.Input((2, 3), batch_size=32)
functional = keras.Model(x, layers.Dense(2, name="last")(layers.Flatten()(layers.Rescaling(1 / 255)(x))))
expected = {"inputs": inputs.ravel().astype(float).round(6).tolist()}
for name, model in [("everything", everything), ("functional", functional)]:
    model.compile("adam", "categorical_crossentropy")
    for ending in ["keras", "h5"]:
        model.save(os.path.join(here, f"{name}.{ending}"))
    expected[name] = model.predict(np.array(expected["inputs"], "f4").reshape(32, 2, 3), verbose=0).ravel().astype(float).round(7).tolist()
json.dump(expected, open(os.path.join(here, "expected.json"), "w"))
