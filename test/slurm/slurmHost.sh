#!/usr/bin/env bash
# Runs a program of the test cluster on a host of its own: with a host name, the hosts of the cluster, and a local disk.
# Arguments: the name of the host, the file of the hosts of the cluster, and the program with its arguments.
# The program `slurmd` is started and ended with its host still up: `slurmHost.sh` reads commands from FOLDER/NAME.fifo.
set -euo pipefail
name=$1 hosts=$2
shift 2
hostname "$name"
mount --bind "$hosts" /etc/hosts
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=1777 none /dev/shm
mkdir -m 1777 /run/scratch
# shellcheck disable=SC2093
if [[ $1 != slurmd ]]; then exec "$@"; fi

cd /
state=${hosts%/*}/$name
daemon=
while read -r command; do
  case $command in
    start)
      if [[ ! $daemon ]] || ! kill -0 "$daemon" 2>/dev/null; then
        "$@" &
        daemon=$!
      fi
      ;;
    *)
      kill -s "$command" "$daemon" || true
      if [[ $command == KILL ]]; then
        wait "$daemon" 2>/dev/null || true
      fi
      ;;
  esac
  echo "$command" >"$state.did"
done <>"$state.fifo"
