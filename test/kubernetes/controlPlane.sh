#!/usr/bin/env bash
# A real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager, kube-scheduler.
#   controlPlane.sh FOLDER PROGRAMS   runs it in the foreground until it is told to end; FOLDER gets a kubeconfig, and `ready`
# Its ports are fixed: give it a network namespace.
set -euo pipefail
D=${1:?a folder for its state} BIN=${2:?the folder of its programs}
mkdir -p "$D"; chmod 700 "$D"
token=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
echo "$token,admin,admin,\"system:masters\"" > "$D/tokens.csv"
openssl genrsa -out "$D/sa.key" 2048 2> /dev/null
cat > "$D/kubeconfig" <<K
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:16443", insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: $token}}]
contexts: [{name: c, context: {cluster: c, user: admin}}]
current-context: c
K
kubectl() { "$BIN/kubectl" --kubeconfig "$D/kubeconfig" "$@"; }
within() { for _ in $(seq 300); do ! "$@" > /dev/null 2>&1 || return 0; sleep 0.1; done; echo "not within 30 s: $*" >&2; return 1; }
# What it holds is thrown away with it.
trap 'kill -KILL $(jobs -p) 2> /dev/null; wait' EXIT
trap 'exit 0' TERM INT
etcd --data-dir "$D/etcd" --unsafe-no-fsync --listen-client-urls http://127.0.0.1:12379 --advertise-client-urls http://127.0.0.1:12379 \
  --listen-peer-urls http://127.0.0.1:12380 --initial-advertise-peer-urls http://127.0.0.1:12380 \
  --initial-cluster default=http://127.0.0.1:12380 > "$D/etcd.log" 2>&1 &
"$BIN/kube-apiserver" --etcd-servers http://127.0.0.1:12379 --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port 16443 \
  --cert-dir "$D/certs" --service-cluster-ip-range 10.96.0.0/16 --token-auth-file "$D/tokens.csv" --authorization-mode Node,RBAC \
  --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$D/sa.key" \
  --service-account-signing-key-file "$D/sa.key" --endpoint-reconciler-type none > "$D/apiserver.log" 2>&1 &
within kubectl get --raw /readyz
"$BIN/kube-controller-manager" --kubeconfig "$D/kubeconfig" --bind-address 127.0.0.1 --secure-port 16444 --cert-dir "$D/certs" \
  --leader-elect=false --service-account-private-key-file "$D/sa.key" --use-service-account-credentials=false > "$D/manager.log" 2>&1 &
"$BIN/kube-scheduler" --kubeconfig "$D/kubeconfig" --bind-address 127.0.0.1 --secure-port 16445 --cert-dir "$D/certs" \
  --leader-elect=false > "$D/scheduler.log" 2>&1 &
within kubectl -n default get serviceaccount default
touch "$D/ready"
wait
