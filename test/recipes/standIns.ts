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

async function writeAll(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await chmod(path, 0o755);
  }
}
