import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Stands in for a training script: prints one line of JSON with its arguments and the variables of its rank. A parameter
 * server listens at its address until it is stopped, like a real one, and the workers wait for it.
 */
const trainingScript = `#!/usr/bin/env python3
import json, os, socket, sys, time
names = ["AZ_BATCHAI_TASK_INDEX", "AZ_BATCHAI_PS_HOSTS", "AZ_BATCHAI_WORKER_HOSTS", "TF_CONFIG",
         "AZ_BATCHAI_PYTORCH_INIT_METHOD", "AZ_BATCHAI_PYTORCH_BACKEND", "AZ_BATCH_HOST_LIST",
         "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"]
variables = {name: os.environ[name] for name in names if name in os.environ}
# One write, because the ranks of an MPI job share the file.
sys.stdout.write(json.dumps({"arguments": sys.argv[1:], "variables": variables}) + "\\n")
sys.stdout.flush()
servers = [address.split(":") for address in variables.get("AZ_BATCHAI_PS_HOSTS", "").split(",") if address]
if "--job_name=ps" in sys.argv:
    host, port = servers[int(variables["AZ_BATCHAI_TASK_INDEX"])]
    listener = socket.create_server((host, int(port)))
    while True:
        listener.accept()
for host, port in servers:
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=30).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
`;

/** Scripts of the recipes' shares, by their paths in the share. */
const scripts: Readonly<Record<string, string>> = {
  "caffe2/resnet50_trainer.py": trainingScript,
  "chainer/train_mnist.py": trainingScript,
  "chainer/jobprep.sh": "echo prepared\n",
  "classification_samples/batch_image_label.py": trainingScript,
  "cntk/CIFAR-10_data_prepare.sh": 'echo data > "$AZ_BATCHAI_JOB_TEMP/data"\n',
  "cntk/ConvNet_CIFAR10_DataAug_Distributed.py": trainingScript,
  "cntk/ConvNet_MNIST.py": trainingScript,
  "cntk/TrainResNet_CIFAR10_Distributed.py": trainingScript,
  "cntk/jobprep_cntk_distributed_ib.sh": 'echo "export OMP_NUM_THREADS=1" > "$AZ_BATCHAI_JOB_TEMP/profile"\n',
  // The original clones the benchmarks into the scratch folder of each node.
  "horovod/jobprep_benchmark.sh":
    'target="$AZ_BATCHAI_JOB_TEMP/benchmarks/scripts/tf_cnn_benchmarks"\n' +
    'mkdir -p "$target" && cp "$AZ_BATCHAI_JOB_MOUNT_ROOT/scripts/benchmark.py" "$target/tf_cnn_benchmarks.py"\n',
  "benchmark.py": trainingScript,
  "horovod/pytorch_mnist.py": trainingScript,
  "horovod/tensorflow_mnist.py": trainingScript,
  "keras/mnist_cnn.py": trainingScript,
  "pytorch/mnist_trainer.py": trainingScript,
  "tensorflow/convolutional.py": trainingScript,
  "tensorflow/mnist_replica.py": trainingScript,
};

/** Writes the scripts of the recipes into the folder of share `scripts`. */
export async function writeScripts(folder: string): Promise<void> {
  await writeAll(folder, scripts);
}

/** Writes stand-ins for the programs that recipes call, into a folder that a test puts first in PATH. */
export async function writePrograms(folder: string): Promise<void> {
  const installer = '#!/bin/bash\necho "$0 $*"\n';
  const cntk = trainingScript;
  await writeAll(folder, { apt: installer, "apt-get": installer, pip: installer, cntk });
}

/** Stands in for Python in images that have only bash: does what {@link trainingScript} does, whatever script it is given. */
const pythonInBash = `#!/bin/bash
while [[ $1 == -* ]]; do shift; done
[[ -e $1 ]] || { echo "$1 does not exist" >&2; exit 2; }
shift
text() { local text=\${1//\\\\/\\\\\\\\}; printf '"%s"' "\${text//\\"/\\\\\\"}"; }
list=
for argument; do list+="\${list:+, }$(text "$argument")"; done
variables=
for name in AZ_BATCHAI_TASK_INDEX AZ_BATCHAI_PS_HOSTS AZ_BATCHAI_WORKER_HOSTS TF_CONFIG AZ_BATCHAI_PYTORCH_INIT_METHOD \
  AZ_BATCHAI_PYTORCH_BACKEND AZ_BATCH_HOST_LIST OMPI_COMM_WORLD_RANK OMPI_COMM_WORLD_SIZE; do
  [[ -v $name ]] && variables+="\${variables:+, }\\"$name\\": $(text "\${!name}")"
done
printf '{"arguments": [%s], "variables": {%s}}\\n' "$list" "$variables"
IFS=, read -ra servers <<<"$AZ_BATCHAI_PS_HOSTS"
if [[ " $* " == *" --job_name=ps "* ]]; then
  while :; do nc -l -p "\${servers[AZ_BATCHAI_TASK_INDEX]##*:}" </dev/null >/dev/null; done
fi
for server in "\${servers[@]}"; do
  until { : >"/dev/tcp/\${server%:*}/\${server##*:}"; } 2>/dev/null; do sleep 0.05; done
done
`;

/** Stands in for Open MPI in images that have only bash: starts all ranks on this machine. */
const mpirunInBash = `#!/bin/bash
[[ $1 == --version ]] && { echo "mpirun (Open MPI) 1.10, a stand-in"; exit; }
size=1
while [[ $1 == -* ]]; do
  case $1 in
    -n | -np) size=$2; shift 2 ;;
    --hostfile | -hostfile) [[ -e $2 ]] || { echo "no host file: $2" >&2; exit 2; }; shift 2 ;;
    --mca | -mca) shift 3 ;;
    -x | -env | -ppn | -hosts | --rank-by | --map-by | --bind-to | -bind-to | -map-by) shift 2 ;;
    *) shift ;;
  esac
done
ranks=()
for ((rank = 0; rank < size; rank++)); do
  OMPI_COMM_WORLD_RANK=$rank OMPI_COMM_WORLD_SIZE=$size "$@" &
  ranks+=($!)
done
status=0
for rank in "\${ranks[@]}"; do wait "$rank" || status=$?; done
exit "$status"
`;

/** Programs of the images of the recipes, by their paths. `hasPython`: the image has Python and Open MPI. */
export function imagePrograms(hasPython: boolean): Readonly<Record<string, string>> {
  const installer = '#!/bin/bash\necho "$0 $*"\n';
  const programs = hasPython
    ? { python: '#!/bin/bash\nexec python3 "$@"\n', cntk: trainingScript }
    : {
        python: pythonInBash,
        python3: pythonInBash,
        mpirun: mpirunInBash,
        cntk: '#!/bin/bash\nexec python "$0" "$@"\n',
      };
  const all = { ...programs, apt: installer, "apt-get": installer, pip: installer };
  return Object.fromEntries(Object.entries(all).map(([name, text]) => [`usr/local/bin/${name}`, text]));
}

/** Writes executable files by their paths in a folder. */
export async function writeAll(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await chmod(path, 0o755);
  }
}
