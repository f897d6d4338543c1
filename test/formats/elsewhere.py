"""Loads models that bpnn-dist has written with the libraries they are for, and prints what those give as JSON.

usage: python elsewhere.py keras|onnx INPUTS.npy MODEL [TRAIN_X.npy TRAIN_Y.npy]
TF_USE_LEGACY_KERAS=1 makes keras Keras 2. With training data it trains on for an epoch, in the data's order.
"""
import json
import sys

import numpy as np

kind, inputs, path, *train = sys.argv[1:]
x = np.load(inputs)
if kind == "onnx":
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    name = session.get_inputs()[0].name
    found = {"outputs": session.run(None, {name: x.astype("float32")})[0].tolist()}
else:
    import tensorflow as tf

    model = tf.keras.models.load_model(path)
    optimizer = model.optimizer
    found = {
        "outputs": model.predict(x, verbose=0).tolist(),
        "loss": getattr(model.loss, "__name__", model.loss),
        "optimizer": type(optimizer).__name__,
        "learningRate": float(optimizer.learning_rate),
        "iterations": int(optimizer.iterations),
        "regularizers": [float(layer.kernel_regularizer.l2) for layer in model.layers if getattr(layer, "kernel_regularizer", None)],
    }
    if train:
        if "--fresh" in train:
            model.compile("adam", model.loss, metrics=["accuracy"])
        history = model.fit(np.load(train[0]), np.load(train[1]), batch_size=32, epochs=1, shuffle=False, verbose=0)
        found["trained"] = [float(value) for array in model.get_weights() for value in np.ravel(array)]
        found["trainedLoss"] = history.history["loss"][0]
print(json.dumps(found))
