#!/usr/bin/env bash
# Holds the namespaces in which the container engines of the tests run. Arguments: the name of its control groups.
# Prints `ready`, and ends with everything in it when its standard input ends, so nothing outlives the tests.
set -euo pipefail
if [[ ${2-} != inside ]]; then
  for hierarchy in /sys/fs/cgroup/*/; do
    [[ -e ${hierarchy}cgroup.procs && ! -L ${hierarchy%/} ]] || continue
    mkdir -p "$hierarchy$1"
    # A new group of this kind accepts processes only once it has cores and memory nodes.
    for file in cpuset.cpus cpuset.mems; do
      if [[ -e $hierarchy$file ]]; then cat "$hierarchy$file" >"$hierarchy$1/$file"; fi
    done
    echo $$ >"$hierarchy$1/cgroup.procs"
  done
  exec unshare --mount --pid --cgroup --fork --kill-child --mount-proc --propagation slave "$BASH" "$0" "$1" inside
fi

# The engines see only their own part of the control groups, so they leave nothing behind elsewhere.
for hierarchy in /sys/fs/cgroup/*/; do
  hierarchy=${hierarchy%/}
  if [[ -L $hierarchy ]] || ! mountpoint -q "$hierarchy"; then continue; fi
  controllers=$(awk -v at="$hierarchy" '$2 == at && $3 == "cgroup" { print $4 }' /proc/mounts | tr , '\n' |
    grep -vxE 'rw|ro|nosuid|nodev|noexec|relatime|noatime|xattr|clone_children|release_agent=.*' | paste -sd,) || true
  umount "$hierarchy"
  # The second version of control groups has no controllers here, and confuses the engines.
  if [[ $controllers ]]; then mount -t cgroup -o "$controllers" none "$hierarchy"; fi
done
mount -t tmpfs none /run
mount -t tmpfs none /dev/shm
echo ready
cat <&0 >/dev/null &
wait $!
