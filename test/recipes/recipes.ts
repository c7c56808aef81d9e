/**
 * The jobs of the 17 official recipes (Azure/BatchAI, `recipes/`), as `az batchai job create -f` sends them: what the job
 * file leaves out (cluster, account, credentials) is filled in. recipes.test.ts compares them with the job files, where
 * those are at hand.
 */

/** What the command line knows when it turns a job file into a request. */
export interface Account {
  readonly accountName: string;
  readonly accountKey: string;
}

/** A recipe: where its job file is, and the properties of the job without its cluster. */
export interface Recipe {
  /** Path of the job file in the folder of the recipes. */
  readonly file: string;
  readonly properties: (account: Account) => Record<string, unknown>;
}

const logs = "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs";
const scripts = "$AZ_BATCHAI_JOB_MOUNT_ROOT/scripts";
const data = "$AZ_BATCHAI_JOB_MOUNT_ROOT/data";
const external = "$AZ_BATCHAI_MOUNT_ROOT/external";

function share({ accountName, accountKey }: Account, name: string): Record<string, unknown> {
  return {
    accountName,
    azureFileUrl: `https://${accountName}.file.core.windows.net/${name}`,
    relativeMountPath: name,
    credentials: { accountKey },
  };
}

/** Shares `logs` and `scripts`, as most recipes mount them; some also mount the blob container `data`. */
function volumes(account: Account, withData: boolean): Record<string, unknown> {
  const { accountName, accountKey } = account;
  const container = { accountName, containerName: "data", relativeMountPath: "data", credentials: { accountKey } };
  return {
    azureFileShares: [share(account, "logs"), share(account, "scripts")],
    ...(withData ? { azureBlobFileSystems: [container] } : {}),
  };
}

/** The settings in which the recipes differ. */
interface Differences {
  readonly nodeCount: number;
  readonly image: string;
  readonly withData?: boolean;
  readonly preparation?: string;
  readonly outputs?: readonly Record<string, string>[];
  readonly inputs?: Readonly<Record<string, string>>;
  readonly toolkit: Record<string, unknown>;
}

/** A recipe of 2018, which mounts its own volumes. */
function recipe(file: string, differences: Differences): Recipe {
  const { withData = false, ...others } = differences;
  return {
    file,
    properties: (account) => ({
      ...common(others),
      stdOutErrPathPrefix: logs,
      mountVolumes: volumes(account, withData),
    }),
  };
}

/** A recipe of 2017, which uses share `external` of its cluster. */
function olderRecipe(file: string, differences: Differences): Recipe {
  return { file, properties: () => ({ ...common(differences), stdOutErrPathPrefix: external }) };
}

function common(differences: Omit<Differences, "withData">): Record<string, unknown> {
  const { nodeCount, image, preparation, outputs, inputs, toolkit } = differences;
  return {
    nodeCount,
    containerSettings: { imageSourceRegistry: { image } },
    ...(preparation === undefined ? {} : { jobPreparation: { commandLine: preparation } }),
    ...(outputs === undefined ? {} : { outputDirectories: outputs }),
    ...(inputs === undefined ? {} : { inputDirectories: Object.entries(inputs).map(([id, path]) => ({ id, path })) }),
    ...toolkit,
  };
}

const model = { id: "MODEL", pathPrefix: logs };
const models = { ...model, pathSuffix: "Models" };
const horovodPreparation = "apt update; apt install mpi-default-dev mpi-default-bin -y; pip install horovod";

const tensorFlowArgs = (job: string, gpus: number): string =>
  `--job_name=${job} --num_gpus=${gpus} --ps_hosts=$AZ_BATCHAI_PS_HOSTS --worker_hosts=$AZ_BATCHAI_WORKER_HOSTS `;
const tensorFlowWorkerArgs =
  `${tensorFlowArgs("worker", 1)}--train_steps 10000 --checkpoint_dir=$AZ_BATCHAI_OUTPUT_MODEL ` +
  "--log_dir=$AZ_BATCHAI_OUTPUT_TENSORBOARD --task_index=$AZ_BATCHAI_TASK_INDEX --data_dir=$AZ_BATCHAI_INPUT_DATASET";

const brainScript = {
  image: "microsoft/cntk:2.1-gpu-python3.5-cuda8.0-cudnn6.0",
  outputs: [{ id: "MODEL", pathPrefix: external, pathSuffix: "Models" }],
  inputs: { DATASET: `${external}/mnist_database`, CONFIG: `${external}/cntk_samples` },
};
const brainScriptArgs = "rootDir=. dataDir=$AZ_BATCHAI_INPUT_DATASET outputDir=$AZ_BATCHAI_OUTPUT_MODEL";

/** All recipes. */
export const recipes: readonly Recipe[] = [
  recipe("Chainer/Chainer-GPU-Distributed/job.json", {
    nodeCount: 2,
    image: "batchaitraining/chainermn:openMPI",
    outputs: [model],
    toolkit: {
      chainerSettings: {
        pythonScriptFilePath: `${scripts}/chainer/train_mnist.py`,
        commandLineArgs: "-g -o $AZ_BATCHAI_OUTPUT_MODEL",
      },
    },
  }),
  recipe("Chainer/Chainer-GPU-Distributed-Infiniband/job.json", {
    nodeCount: 2,
    image: "batchaitraining/chainermn:IntelMPI",
    preparation: `bash ${scripts}/chainer/jobprep.sh`,
    outputs: [model],
    toolkit: {
      chainerSettings: {
        pythonScriptFilePath: `${scripts}/chainer/train_mnist.py`,
        commandLineArgs: "-g --communicator non_cuda_aware -o $AZ_BATCHAI_OUTPUT_MODEL",
        processCount: 8,
      },
    },
  }),
  recipe("Caffe2/Caffe2-GPU-Distributed/job.json", {
    nodeCount: 2,
    image: "caffe2ai/caffe2",
    withData: true,
    toolkit: {
      caffe2Settings: {
        pythonScriptFilePath: `${scripts}/caffe2/resnet50_trainer.py`,
        commandLineArgs:
          "--num_shards 2 --shard_id $AZ_BATCHAI_TASK_INDEX --run_id 0 --epoch_size 2000 --num_epochs 5 " +
          `--train_data ${data}/mnist_data/mnist_train_lmdb --file_store_path $AZ_BATCHAI_SHARED_JOB_TEMP`,
      },
    },
  }),
  olderRecipe("CNTK/CNTK-GPU-BrainScript/job.json", {
    ...brainScript,
    nodeCount: 1,
    toolkit: {
      cntkSettings: {
        configFilePath: "$AZ_BATCHAI_INPUT_CONFIG/ConvNet_MNIST.cntk",
        commandLineArgs: brainScriptArgs,
      },
    },
  }),
  olderRecipe("CNTK/CNTK-GPU-BrainScript-Distributed/job.json", {
    ...brainScript,
    nodeCount: 2,
    toolkit: {
      cntkSettings: {
        configFilePath: "$AZ_BATCHAI_INPUT_CONFIG/DistributedConvNet_MNIST.cntk",
        commandLineArgs: `${brainScriptArgs} parallelTrain=true`,
      },
    },
  }),
  recipe("CNTK/CNTK-GPU-Python/job.json", {
    nodeCount: 1,
    image: "microsoft/cntk:2.5.1-gpu-python2.7-cuda9.0-cudnn7.0",
    withData: true,
    outputs: [model],
    toolkit: {
      cntkSettings: {
        pythonScriptFilePath: `${scripts}/cntk/ConvNet_MNIST.py`,
        commandLineArgs: `${data}/mnist_data $AZ_BATCHAI_OUTPUT_MODEL`,
      },
    },
  }),
  recipe("CNTK/CNTK-GPU-Python-Distributed/job.json", {
    nodeCount: 2,
    image: "microsoft/cntk:2.5.1-gpu-python2.7-cuda9.0-cudnn7.0",
    preparation: `bash ${scripts}/cntk/CIFAR-10_data_prepare.sh`,
    outputs: [model],
    toolkit: {
      cntkSettings: {
        pythonScriptFilePath: `${scripts}/cntk/ConvNet_CIFAR10_DataAug_Distributed.py`,
        commandLineArgs: "--datadir $AZ_BATCHAI_JOB_TEMP --outputdir $AZ_BATCHAI_OUTPUT_MODEL -n 5",
        processCount: 2,
      },
    },
  }),
  recipe("CNTK/CNTK-GPU-Python-Distributed-Infiniband/job.json", {
    nodeCount: 2,
    image: "batchaitraining/cntk:2.3-gpu-1bitsgd-py36-cuda8-cudnn6-intelmpi",
    preparation: `bash ${scripts}/cntk/jobprep_cntk_distributed_ib.sh`,
    outputs: [model],
    toolkit: {
      cntkSettings: {
        pythonScriptFilePath: `${scripts}/cntk/TrainResNet_CIFAR10_Distributed.py`,
        commandLineArgs: "--datadir $AZ_BATCHAI_JOB_TEMP -outputdir $AZ_BATCHAI_OUTPUT_MODEL -n resnet110 -e 5",
        processCount: 8,
      },
    },
  }),
  recipe("TensorFlow/TensorFlow-GPU/job.json", {
    nodeCount: 1,
    image: "tensorflow/tensorflow:1.8.0-gpu",
    toolkit: { tensorFlowSettings: { pythonScriptFilePath: `${scripts}/tensorflow/convolutional.py` } },
  }),
  recipe("TensorFlow/TensorFlow-GPU-Distributed/job.json", {
    nodeCount: 2,
    image: "tensorflow/tensorflow:1.8.0-gpu",
    withData: true,
    outputs: [models, { id: "TENSORBOARD", pathPrefix: logs, pathSuffix: "Logs" }],
    toolkit: {
      tensorFlowSettings: {
        parameterServerCount: 1,
        workerCount: 2,
        pythonScriptFilePath: `${scripts}/tensorflow/mnist_replica.py`,
        masterCommandLineArgs: tensorFlowWorkerArgs,
        workerCommandLineArgs: tensorFlowWorkerArgs,
        parameterServerCommandLineArgs: `${tensorFlowArgs("ps", 0)}--task_index=$AZ_BATCHAI_TASK_INDEX --data_dir=${data}/mnist_data`,
      },
    },
  }),
  recipe("PyTorch/PyTorch-GPU-Distributed-Gloo/job.json", {
    nodeCount: 2,
    image: "pytorch/pytorch:0.4_cuda9_cudnn7",
    toolkit: {
      pyTorchSettings: {
        pythonScriptFilePath: `${scripts}/pytorch/mnist_trainer.py`,
        commandLineArgs:
          "--epochs 10 --world-size 2 --dist-backend gloo --dist-url $AZ_BATCHAI_PYTORCH_INIT_METHOD " +
          "--rank $AZ_BATCHAI_TASK_INDEX",
        communicationBackend: "gloo",
      },
    },
  }),
  recipe("Batch-Scoring/Distributed-Batch-Scoring-in-Tensorflow-with-GPU/job.json", {
    nodeCount: 2,
    image: "tensorflow/tensorflow:1.7.0-gpu",
    withData: true,
    preparation: "apt update; apt install mpi-default-dev mpi-default-bin -y",
    outputs: [{ id: "LABEL", pathPrefix: logs }],
    inputs: {
      SCRIPT: `${scripts}/classification_samples`,
      IMAGES: `${data}/unlabeled_images`,
      MODEL: `${data}/pretained_models`,
    },
    toolkit: {
      customMpiSettings: {
        commandLine:
          "python -u $AZ_BATCHAI_INPUT_SCRIPT/batch_image_label.py --dataset_path $AZ_BATCHAI_INPUT_IMAGES " +
          "--model_path $AZ_BATCHAI_INPUT_MODEL/inception_v3.ckpt " +
          "--label_path $AZ_BATCHAI_INPUT_MODEL/imagenet_slim_labels.txt " +
          "--output_dir $AZ_BATCHAI_OUTPUT_LABEL --batch_size 64",
      },
    },
  }),
  recipe("Keras/Keras-GPU/job_tensorflow.json", {
    nodeCount: 1,
    image: "tensorflow/tensorflow:1.8.0-gpu",
    preparation: "pip install keras",
    toolkit: { tensorFlowSettings: { pythonScriptFilePath: `${scripts}/keras/mnist_cnn.py` } },
  }),
  recipe("Keras/Keras-GPU/job_cntk.json", {
    nodeCount: 1,
    image: "microsoft/cntk:2.5.1-gpu-python2.7-cuda9.0-cudnn7.0",
    toolkit: { cntkSettings: { pythonScriptFilePath: `${scripts}/keras/mnist_cnn.py` } },
  }),
  recipe("Horovod/Horovod-Infiniband-Benchmark/job.json", {
    nodeCount: 2,
    image: "tensorflow/tensorflow:1.8.0-gpu",
    preparation: `bash ${scripts}/horovod/jobprep_benchmark.sh`,
    toolkit: {
      horovodSettings: {
        pythonScriptFilePath: "$AZ_BATCHAI_JOB_TEMP/benchmarks/scripts/tf_cnn_benchmarks/tf_cnn_benchmarks.py",
        commandLineArgs: "--model resnet101 --batch_size 64 --variable_update horovod",
        processCount: 8,
      },
    },
  }),
  recipe("Horovod/Horovod-PyTorch/job.json", {
    nodeCount: 2,
    image: "batchaitraining/pytorch:0.4.0-cp36-cuda9-cudnn7",
    preparation: horovodPreparation,
    outputs: [{ id: "MODEL", pathPrefix: external, pathSuffix: "Models" }],
    toolkit: { horovodSettings: { pythonScriptFilePath: `${scripts}/horovod/pytorch_mnist.py` } },
  }),
  recipe("Horovod/Horovod-Tensorflow/job.json", {
    nodeCount: 2,
    image: "tensorflow/tensorflow:1.8.0-gpu",
    preparation: horovodPreparation,
    toolkit: { horovodSettings: { pythonScriptFilePath: `${scripts}/horovod/tensorflow_mnist.py` } },
  }),
];
