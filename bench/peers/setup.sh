#!/usr/bin/env bash
# Python environments for the peers, from pinned versions: about 6 GB in bench/peers/.venv-*, some minutes.
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
