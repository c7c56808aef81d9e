/** Settings of the toolkit that a job runs. Exactly one of the nine toolkits is set. */
export interface ToolkitSettings {
  /** Runs a CNTK training. */
  cntkSettings?: CNTKsettings;
  /** Runs a PyTorch script. */
  pyTorchSettings?: PyTorchSettings;
  /** Runs a TensorFlow script. */
  tensorFlowSettings?: TensorFlowSettings;
  /** Runs a Caffe training. */
  caffeSettings?: CaffeSettings;
  /** Runs a Caffe2 script. */
  caffe2Settings?: Caffe2Settings;
  /** Runs a Chainer script. */
  chainerSettings?: ChainerSettings;
  /** Runs any command line. */
  customToolkitSettings?: CustomToolkitSettings;
  /** Runs any program under MPI. */
  customMpiSettings?: CustomMpiSettings;
  /** Runs a Horovod script. */
  horovodSettings?: HorovodSettings;
}

/** Runs a CNTK training: a BrainScript configuration or a Python script. */
export interface CNTKsettings {
  /** `BrainScript` or `Python`. Default: `Python` if a script is set, otherwise `BrainScript`. */
  languageType?: string;
  /** Path of the configuration file; required for BrainScript, not allowed for Python. Default: none. */
  configFilePath?: string;
  /** Path of the script; required for Python, not allowed for BrainScript. Default: none. */
  pythonScriptFilePath?: string;
  /** Path of the Python interpreter; Python only. Default: `python` in the node's `PATH`, or else `python3`. */
  pythonInterpreterPath?: string;
  /** Arguments of the training, in shell syntax; can use variables. Default: none. */
  commandLineArgs?: string;
  /** Total number of processes on all nodes, at least 1. Default: the node count of the job. */
  processCount?: number;
}

/** Runs a PyTorch script on every node. */
export interface PyTorchSettings {
  /** Path of the script; can use variables. */
  pythonScriptFilePath: string;
  /** Path of the Python interpreter. Default: `python` in the node's `PATH`, or else `python3`. */
  pythonInterpreterPath?: string;
  /** Arguments of the script, in shell syntax; can use variables. Default: none. */
  commandLineArgs?: string;
  /** Total number of processes on all nodes, at least 1. Default: the node count of the job. */
  processCount?: number;
  /**
   * Communication of the processes: `TCP`, `Gloo` or `MPI`; not case-sensitive. Required for more than one process.
   * Default: none.
   */
  communicationBackend?: string;
}

/** Runs a TensorFlow script, either alone or as a master, workers and parameter servers. */
export interface TensorFlowSettings {
  /** Path of the script; can use variables. */
  pythonScriptFilePath: string;
  /** Path of the Python interpreter. Default: `python` in the node's `PATH`, or else `python3`. */
  pythonInterpreterPath?: string;
  /** Arguments of the master process. Default: none. */
  masterCommandLineArgs?: string;
  /** Arguments of each worker; distributed training only. Default: none. */
  workerCommandLineArgs?: string;
  /** Arguments of each parameter server; distributed training only. Default: none. */
  parameterServerCommandLineArgs?: string;
  /** Number of workers, at least 0; distributed training only. Default: the node count of the job. */
  workerCount?: number;
  /** Number of parameter servers, at least 0 and at most the node count; distributed training only. Default: 1. */
  parameterServerCount?: number;
}

/** Runs a Caffe training: a solver configuration or a Python script, not both. */
export interface CaffeSettings {
  /** Path of the solver configuration. Default: none; a script is then required. */
  configFilePath?: string;
  /** Path of the script. Default: none; a solver configuration is then required. */
  pythonScriptFilePath?: string;
  /** Path of the Python interpreter; only with a script. Default: `python` in the node's `PATH`, or else `python3`. */
  pythonInterpreterPath?: string;
  /** Arguments of the training, in shell syntax; can use variables. Default: none. */
  commandLineArgs?: string;
  /** Total number of processes on all nodes, at least 1. Default: the node count of the job. */
  processCount?: number;
}

/** Runs a Caffe2 script. */
export interface Caffe2Settings {
  /** Path of the script; can use variables. */
  pythonScriptFilePath: string;
  /** Path of the Python interpreter. Default: `python` in the node's `PATH`, or else `python3`. */
  pythonInterpreterPath?: string;
  /** Arguments of the script, in shell syntax; can use variables. Default: none. */
  commandLineArgs?: string;
}

/** Runs a Chainer script under MPI. */
export interface ChainerSettings {
  /** Path of the script; can use variables. */
  pythonScriptFilePath: string;
  /** Path of the Python interpreter. Default: `python` in the node's `PATH`, or else `python3`. */
  pythonInterpreterPath?: string;
  /** Arguments of the script, in shell syntax; can use variables. Default: none. */
  commandLineArgs?: string;
  /** Total number of processes on all nodes, at least 1. Default: the node count of the job. */
  processCount?: number;
}

/** Runs a Horovod script under MPI. */
export interface HorovodSettings {
  /** Path of the script; can use variables. */
  pythonScriptFilePath: string;
  /** Path of the Python interpreter. Default: `python` in the node's `PATH`, or else `python3`. */
  pythonInterpreterPath?: string;
  /** Arguments of the script, in shell syntax; can use variables. Default: none. */
  commandLineArgs?: string;
  /** Total number of processes on all nodes, at least 1. Default: the node count of the job. */
  processCount?: number;
}

/** Runs any program under MPI. */
export interface CustomMpiSettings {
  /** Command line that MPI starts for each process, without `mpirun`. */
  commandLine: string;
  /** Total number of processes on all nodes, at least 1. Default: the node count of the job. */
  processCount?: number;
}

/** Runs any command line on the first node. */
export interface CustomToolkitSettings {
  /**
   * Command line for bash. Default: none, which the service rejects although the API declares the property optional.
   */
  commandLine?: string;
}
