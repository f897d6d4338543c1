"""Writes three tables that ship with scikit-learn as CSV, in two parts each, and trains scikit-learn's own MLP on them.

usage: python tables.py FOLDER
Writes NAME-train.csv and NAME-test.csv, and prints the test figures of five seeds as JSON: accuracy, or R2 of diabetes.
"""
import json
import os
import sys
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")
folder = sys.argv[1]
found = {}
for name, load in [("digits", load_digits), ("cancer", load_breast_cancer), ("diabetes", load_diabetes)]:
    data = load()
    is_class = name != "diabetes"
    parts = train_test_split(data.data, data.target, test_size=0.25, random_state=0, stratify=data.target if is_class else None)
    x, xt, y, yt = parts
    names = [str(one) for one in data.feature_names]
    for part, inputs, targets in [("train", x, y), ("test", xt, yt)]:
        with open(os.path.join(folder, f"{name}-{part}.csv"), "w") as file:
            print(*names, "target", sep=",", file=file)
            for row, target in zip(inputs, targets):
                label = str(data.target_names[target]) if is_class else repr(float(target))
                print(*(repr(float(value)) for value in row), label, sep=",", file=file)
    scaler = StandardScaler().fit(x)
    kind = MLPClassifier if is_class else MLPRegressor
    # Targets of a regression are large: more steps for the same rate.
    epochs = 60 if is_class else 400
    scores = []
    for seed in range(5):
        model = kind(hidden_layer_sizes=(64,), batch_size=32, max_iter=epochs, n_iter_no_change=epochs, random_state=seed)
        scores.append(float(model.fit(scaler.transform(x), y).score(scaler.transform(xt), yt)))
    found[name] = {"scores": scores, "variance": float(np.var(yt)) if not is_class else None}
print(json.dumps(found))
