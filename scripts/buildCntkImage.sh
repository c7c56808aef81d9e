#!/usr/bin/env bash
# Builds the container image of the 2018 article, with the CPU version of CNTK 2.7: the original image no longer exists
# everywhere, and no current system has a Python for CNTK. Ubuntu 16.04 still has it: Python 3.5 and Open MPI 1.10.
#
#   sudo scripts/buildCntkImage.sh IMAGE.tar
#   docker import IMAGE.tar microsoft/cntk:2.1-gpu-python3.5-cuda8.0-cudnn6.0
#   podman import IMAGE.tar docker.io/microsoft/cntk:2.1-gpu-python3.5-cuda8.0-cudnn6.0
#
# Needs root, debootstrap, curl, and python3 with pip. Takes about three minutes and 1.5 GB below TMPDIR. Set UBUNTU to
# use another mirror. pip uses the index of its own configuration.
set -euo pipefail

image=${1:?"usage: $0 IMAGE.tar"}
ubuntu=${UBUNTU:-http://archive.ubuntu.com/ubuntu}
for tool in debootstrap curl dpkg-deb python3; do
  type -P "$tool" >/dev/null || { echo "$0 needs $tool. On Debian: apt-get install debootstrap curl python3-pip" >&2; exit 1; }
done
((EUID == 0)) || { echo "$0 needs root, because debootstrap does." >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/var/tmp}/cntk-image.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root

echo "--- Ubuntu 16.04 with Python 3.5 and Open MPI"
# The keys that sign Ubuntu's packages.
curl -sSfL --retry 3 -o "$work/keys.deb" "$ubuntu/pool/main/u/ubuntu-keyring/ubuntu-keyring_2012.05.19_all.deb"
sha256sum --quiet -c <<<"315a58b14eec1e9252b2a2e294f2a4be1ccd043adb58bf5b7f56a538843ed504  $work/keys.deb"
dpkg-deb -x "$work/keys.deb" "$work/keys"
debootstrap --variant=minbase --components=main,universe --include=python3,libpython3.5,openmpi-bin \
  --keyring="$work/keys/usr/share/keyrings/ubuntu-archive-keyring.gpg" xenial "$root" "$ubuntu" >"$work/log" ||
  { tail -n 20 "$work/log" >&2; exit 1; }
ln -s python3 "$root/usr/bin/python"

echo "--- CNTK 2.7"
# The last versions that work with Python 3.5.1. CNTK imports pip.
cat >"$work/requirements.txt" <<'END'
cntk==2.7.post2 --hash=sha256:97506d3c658ccc589a106f29489a70043a29d4af633df390929b9e23ffc2fab4
numpy==1.16.6 --hash=sha256:b9e334568ca1bf56598eddfac6db6a75bcf1c91aa90d598648f21e45207daeae
pip==20.3.4 --hash=sha256:217ae5161a0e08c0fb873858806e3478c9775caffce5168b50ec885e358c199d
scipy==1.2.3 --hash=sha256:92fbdcf9acebf2007502adbed1b22e3a3e9445aceb5e7a568f9759d76461368b
END
python3 -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: \
  --python-version 35 --implementation cp --abi cp35m --abi none --platform manylinux1_x86_64 --platform any \
  --dest "$work/wheels" --requirement "$work/requirements.txt"
for wheel in "$work"/wheels/*.whl; do
  python3 -m zipfile -e "$wheel" "$root/usr/local/lib/python3.5/dist-packages"
done
chroot "$root" python -W ignore -c 'import cntk; print("CNTK", cntk.__version__, cntk.device.all_devices())'

echo "--- $image"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale} "$root"/var/log/*
tar --numeric-owner -C "$root" -cf "$image" .
ls -lh "$image"
