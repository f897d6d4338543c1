#!/usr/bin/env bash
# An OpenSSH server by hand on a test host: own host key, config and client key in one directory, nothing under /etc/ssh or ~/.ssh.
#   sshd.sh start I [PORT]   start sshd on host I of netns.sh (default port 2222); prints the ssh command
#   sshd.sh opts             print the client options, one line
#   sshd.sh stop I           stop it and the sessions it serves
# Needs Debian's openssh-server (apt-get install -y --no-install-recommends openssh-server).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
D=${SSHD_DIR:?a folder for keys, config and pid}; PORT=${SSHD_PORT:-2222}
mkdir -p "$D"; chmod 700 "$D"
opts() { echo "-F none -p $PORT -i $D/id -o IdentitiesOnly=yes -o UserKnownHostsFile=$D/known_hosts -o StrictHostKeyChecking=yes -o BatchMode=yes"; }
start() {
  local i=$1 a pid; a=$("$here/netns.sh" addr "$i")
  mkdir -p /run/sshd   # privilege separation directory; Debian's init script would make it
  [[ -f $D/id ]] || ssh-keygen -q -t ed25519 -N '' -C test -f "$D/id"
  cp "$D/id.pub" "$D/authorized_keys"; chmod 600 "$D/authorized_keys"
  [[ -f $D/host$i ]] || { ssh-keygen -q -t ed25519 -N '' -C "host$i" -f "$D/host$i"; echo "[$a]:$PORT $(cut -d' ' -f1,2 "$D/host$i.pub")" >> "$D/known_hosts"; }
  cat > "$D/sshd$i.conf" <<CONF
Port $PORT
ListenAddress $a
HostKey $D/host$i
PidFile $D/sshd$i.pid
AuthorizedKeysFile $D/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PrintMotd no
Subsystem sftp internal-sftp
CONF
  /usr/sbin/sshd -t -f "$D/sshd$i.conf"
  "$here/netns.sh" exec "$i" /usr/sbin/sshd -f "$D/sshd$i.conf" -E "$D/sshd$i.log"
  for _ in $(seq 50); do [[ -s $D/sshd$i.pid ]] && break; sleep 0.02; done
  echo "ssh $(opts) root@$a"
}
stop() {
  local i=$1 pid kids; pid=$(cat "$D/sshd$i.pid" 2>/dev/null) || return 0
  kids=$(ps -o pid= --ppid "$pid" || true); kill "$pid" $kids 2>/dev/null || true
}
cmd=${1:-}; shift || true
case $cmd in
  start) PORT=${2:-$PORT}; start "$1";;
  opts) opts;;
  stop) stop "$1";;
  *) sed -n '2,7p' "$0"; exit 2;;
esac
