/** What a job runs: the settings of its toolkit. Exactly one of the nine is given. */
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
  /** `BrainScript` or `Python`. Default: `Python` when a script is given, else `BrainScript`. */
  languageType?: string;
  /** Path of the configuration file; BrainScript only, and needed there. Default: none. */
  configFilePath?: string;
  /** Path of the script; Python only, and needed there. Default: none. */
  pythonScriptFilePath?: string;
  /** Path of the Python interpreter; Python only. Default: `python` of the node's `PATH`. */
  pythonInterpreterPath?: string;
  /** Arguments of the training, as a shell reads them; may use variables. Default: none. */
  commandLineArgs?: string;
  /** Number of processes on all nodes together, at least 1. Default: the job's node count. */
  processCount?: number;
}

/** Runs a PyTorch script on every node. */
export interface PyTorchSettings {
  /** Path of the script; may use variables. */
  pythonScriptFilePath: string;
  /** Path of the Python interpreter. Default: `python` of the node's `PATH`. */
  pythonInterpreterPath?: string;
  /** Arguments of the script, as a shell reads them; may use variables. Default: none. */
  commandLineArgs?: string;
  /** Number of processes on all nodes together, at least 1. Default: the job's node count. */
  processCount?: number;
  /** How the processes talk: `TCP`, `Gloo` or `MPI`, in any case. Needed only for more than one process. Default: none. */
  communicationBackend?: string;
}

/** Runs a TensorFlow script, alone or as master, workers and parameter servers. */
export interface TensorFlowSettings {
  /** Path of the script; may use variables. */
  pythonScriptFilePath: string;
  /** Path of the Python interpreter. Default: `python` of the node's `PATH`. */
  pythonInterpreterPath?: string;
  /** Arguments of the master. Default: none. */
  masterCommandLineArgs?: string;
  /** Arguments of each worker; distributed training only. Default: none. */
  workerCommandLineArgs?: string;
  /** Arguments of each parameter server; distributed training only. Default: none. */
  parameterServerCommandLineArgs?: string;
  /** Number of workers, at least 0; distributed training only. Default: the job's node count. */
  workerCount?: number;
  /** Number of parameter servers, at least 0 and at most the node count; distributed training only. Default: 1. */
  parameterServerCount?: number;
}

/** Runs a Caffe training: a solver configuration or a Python script, not both. */
export interface CaffeSettings {
  /** Path of the solver configuration. Default: none, a script is needed then. */
  configFilePath?: string;
  /** Path of the script. Default: none, a solver configuration is needed then. */
  pythonScriptFilePath?: string;
  /** Path of the Python interpreter; with a script only. Default: `python` of the node's `PATH`. */
  pythonInterpreterPath?: string;
  /** Arguments of the training, as a shell reads them; may use variables. Default: none. */
  commandLineArgs?: string;
  /** Number of processes on all nodes together, at least 1. Default: the job's node count. */
  processCount?: number;
}

/** Runs a Caffe2 script. */
export interface Caffe2Settings {
  /** Path of the script; may use variables. */
  pythonScriptFilePath: string;
  /** Path of the Python interpreter. Default: `python` of the node's `PATH`. */
  pythonInterpreterPath?: string;
  /** Arguments of the script, as a shell reads them; may use variables. Default: none. */
  commandLineArgs?: string;
}

/** Runs a Chainer script under MPI. */
export interface ChainerSettings {
  /** Path of the script; may use variables. */
  pythonScriptFilePath: string;
  /** Path of the Python interpreter. Default: `python` of the node's `PATH`. */
  pythonInterpreterPath?: string;
  /** Arguments of the script, as a shell reads them; may use variables. Default: none. */
  commandLineArgs?: string;
  /** Number of processes on all nodes together, at least 1. Default: the job's node count. */
  processCount?: number;
}

/** Runs a Horovod script under MPI. */
export interface HorovodSettings {
  /** Path of the script; may use variables. */
  pythonScriptFilePath: string;
  /** Path of the Python interpreter. Default: `python` of the node's `PATH`. */
  pythonInterpreterPath?: string;
  /** Arguments of the script, as a shell reads them; may use variables. Default: none. */
  commandLineArgs?: string;
  /** Number of processes on all nodes together, at least 1. Default: the job's node count. */
  processCount?: number;
}

/** Runs any program under MPI. */
export interface CustomMpiSettings {
  /** Command line that MPI starts for each process; without `mpirun`. */
  commandLine: string;
  /** Number of processes on all nodes together, at least 1. Default: the job's node count. */
  processCount?: number;
}

/** Runs any command line on the first node. */
export interface CustomToolkitSettings {
  /** The command line, run by bash. Default: none, which the service refuses, although the API declares it optional. */
  commandLine?: string;
}
