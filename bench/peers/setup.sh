#!/usr/bin/env bash
# What the peers need, from pinned versions: Python environments in .venv-*, tfjs-node in .tfjs; about 6 GB, some minutes.
# Needs python3 with venv, and g++ for tfjs-node.
# Keras 3 has no MultiWorkerMirroredStrategy, so that runs in TensorFlow 2.15.
set -euo pipefail
cd "$(dirname "$0")"

environment() {
  local name=$1
  shift
  python3 -m venv ".venv-$name"
  ".venv-$name/bin/pip" install --quiet "$@"
}

environment torch torch==2.15.0 numpy
environment keras tensorflow-cpu==2.21.0
environment mwms tensorflow-cpu==2.15.1

# tfjs-node as published downloads an old TensorFlow from a bucket; its addon builds against the one above as well.
npm install --silent --no-save --ignore-scripts --prefix .tfjs @tensorflow/tfjs-node@4.22.0
addon=.tfjs/node_modules/@tensorflow/tfjs-node
tensorflow=$(echo "$PWD"/.venv-keras/lib/python3*/site-packages/tensorflow)
headers=$(node -p 'require("path").resolve(process.execPath, "../../include/node")')
mkdir -p "$addon/lib/napi-v8"
g++ -O2 -std=c++17 -fPIC -shared -DNAPI_VERSION=8 -I"$addon" -I"$tensorflow/include" -I"$headers" \
  "$addon"/binding/tfjs_backend.cc "$addon"/binding/tfjs_binding.cc -o "$addon/lib/napi-v8/tfjs_binding.node" \
  -L"$tensorflow" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 "-Wl,-rpath,$tensorflow"
