#!/usr/bin/env bash
# Builds a real Kubernetes control plane and helm from the Go module proxy, once: about ten minutes, 4 GB of caches.
#   build.sh         builds what is missing; prints the folder of the programs
#   build.sh folder  prints the folder
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=1.36.3
folder=${XDG_CACHE_HOME:-$HOME/.cache}/bpnn-dist/kubernetes-$version
case ${1:-} in folder) echo "$folder"; exit ;; esac
mkdir -p "$folder"
# The modules in a copy: go writes into the folder it builds in.
build() { # MODULE FLAGS PACKAGES...
  local module=$1 flags=$2 work; shift 2
  work=$(mktemp -d); cp "$here/$module/go.mod" "$work"
  (cd "$work" && export GOFLAGS=-mod=mod GOTOOLCHAIN=local && go mod tidy && go build -trimpath -ldflags "$flags" -o "$folder/" "$@") >&2
  rm -rf "$work"
}
programs=(kube-apiserver kube-controller-manager kube-scheduler kubectl)
missing=()
for program in "${programs[@]}"; do [[ -x $folder/$program ]] || missing+=("k8s.io/kubernetes/cmd/$program"); done
about=k8s.io/component-base/version
((${#missing[@]} == 0)) ||
  build controlPlane "-s -w -X $about.gitVersion=v$version -X $about.gitMajor=${version%%.*} -X $about.gitMinor=36" "${missing[@]}"
[[ -x $folder/helm ]] || build helm '-s -w' helm.sh/helm/v3/cmd/helm
echo "$folder"
