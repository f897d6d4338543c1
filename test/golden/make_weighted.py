"""Writes the golden files of weighted losses in this folder with Keras (pip install tensorflow-cpu==2.21.0 keras==3.15.1).

usage: python make_weighted.py

As the other runs: from the weights in NAME/initial.f32, the samples in the order of the file.
"""
import json, os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import numpy as np, keras
from keras import layers, optimizers

here = os.path.dirname(os.path.abspath(__file__))
data = lambda name: np.load(os.path.join(here, "data", name))

def save_weights(path, model):
    np.concatenate([w.ravel() for w in model.get_weights()]).astype("<f4").tofile(path)

def run(name, about, x, y, layer_list, loss, batch, split, metric, sample_weight=None, class_weight=None):
    out = os.path.join(here, name); os.makedirs(out, exist_ok=True)
    keras.utils.set_random_seed(7)
    model = keras.Sequential([layers.Input((x.shape[1],)), *layer_list])
    model.compile(optimizer=optimizers.Adam(0.01), loss=loss, metrics=[metric])
    save_weights(os.path.join(out, "initial.f32"), model)
    steps = []
    class Steps(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None): self.model.reset_metrics()
        def on_train_batch_end(self, batch, logs=None): steps.append({k: float(v) for k, v in logs.items()})
    n_train = int(x.shape[0] * (1 - split))
    # fit itself, since it is what weighs; class_weight does not weigh what validates, sample_weight does.
    history = model.fit(x, y, batch_size=batch, epochs=3, validation_split=split, validation_batch_size=512, shuffle=False, verbose=0,
                        sample_weight=sample_weight, class_weight=class_weight, callbacks=[Steps()]).history
    save_weights(os.path.join(out, "final.f32"), model)
    sizes = [min(batch, n_train - s) for s in range(0, n_train, batch)]
    epochs = [{"loss": float(np.average([s["loss"] for s in steps[e * len(sizes):(e + 1) * len(sizes)]], weights=sizes)),
               **{k: float(v[e]) for k, v in history.items() if k.startswith("val_")}} for e in range(3)]
    json.dump({"about": about, "steps": steps, "epochs": epochs}, open(os.path.join(out, "curve.json"), "w"), indent=1)
    print(name, epochs[-1])

D = layers.Dense
x = data("regression-x.npy")
rng = np.random.default_rng(5)
weights = rng.choice([0, 0.25, 1, 1, 2, 5], size=len(x)).astype("float32")
np.save(os.path.join(here, "data", "weights.npy"), weights)
run("weighted-samples", "sample_weight over a mean squared error of two outputs; the last fraction validates, weighted too", x, data("regression-y.npy"),
    [D(16, activation="tanh"), D(2)], "mean_squared_error", 64, 0.2, "mae", sample_weight=weights)
run("weighted-classes", "class_weight {0: 1, 1: 3} over one sigmoid unit; what validates is not weighted", x, data("binary-y.npy"),
    [D(12, activation="relu"), D(1, activation="sigmoid")], "binary_crossentropy", 32, 0.25, "accuracy", class_weight={0: 1.0, 1: 3.0})
