#!/bin/bash
# Stands in for the programs of Slurm: hands its call to the test, which says what to print.
program=${0##*/}
if [[ $program == srun ]]; then
  # Runs the command once on each node that it names, as a process of this machine.
  nodes=${SLURMD_NODENAME-}
  while [[ ${1-} == -* ]]; do
    if [[ $1 == --nodelist=* ]]; then nodes=${1#*=}; fi
    shift
  done
  rank=0
  children=()
  for node in ${nodes//,/ }; do
    SLURMD_NODENAME=$node SLURM_PROCID=$rank SLURM_NODEID=$rank "$@" &
    children+=($!)
    rank=$((rank + 1))
  done
  # The real one gives the processes no time to end either.
  trap 'kill -KILL "${children[@]}" 2>/dev/null; exit 137' TERM INT HUP
  status=0
  for child in "${children[@]}"; do wait "$child" || status=$?; done
  exit "$status"
fi

exec 3<>"/dev/tcp/127.0.0.1/@PORT@" || exit 1
{
  printf '%s\0' "$program" "$PWD" "$#" "$@"
  env -0
  printf '\0'
} >&3
read -r code length <&3 || exit 1
head -c "$length" <&3 >&2
cat <&3
exit "$code"
