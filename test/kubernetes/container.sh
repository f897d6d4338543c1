#!/usr/bin/env bash
# Runs a program as a container runtime would: in a file system of its own that it cannot write to, with this machine's
# programs, a checkout as /opt/bpnn-dist, and the volumes of its pod; as a user without any capability.
#   container.sh ROOT CHECKOUT HOSTS UID GID FSGROUP [SOURCE TARGET ro|rw]... -- PROGRAM...
set -euo pipefail
root=$1 checkout=$2 hosts=$3 uid=$4 gid=$5 group=$6; shift 6
mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
mkdir -p "$root"/{usr,etc,proc,dev,opt/bpnn-dist}
for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
for name in usr etc; do mount --bind "/$name" "$root/$name"; done
for name in proc dev; do mount --rbind "/$name" "$root/$name"; done
mount --bind "$checkout" "$root/opt/bpnn-dist"
mount --bind "$hosts" "$root/etc/hosts"
while [[ $1 != -- ]]; do
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
  [[ $3 == rw ]] || mount -o remount,bind,ro "$root$2"
  shift 3
done
shift
mount -o remount,ro "$root"
exec chroot "$root" setpriv --reuid "$uid" --regid "$gid" --groups "$group" --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
