import type {
  Caffe2Settings,
  CaffeSettings,
  ChainerSettings,
  CNTKsettings,
  CustomMpiSettings,
  CustomToolkitSettings,
  HorovodSettings,
  PyTorchSettings,
  TensorFlowSettings,
} from "../../models/toolkitSettings.ts";
import { int32, model, optional, required, string } from "../schema.ts";

const pythonScriptFilePath = required("pythonScriptFilePath", string);
const pythonInterpreterPath = optional("pythonInterpreterPath", string);
const commandLineArgs = optional("commandLineArgs", string);
const processCount = optional("processCount", int32({ minimum: 1 }));

/** Table of `CNTKsettings`. */
export const cntkSettings = model<CNTKsettings>("CNTKsettings", {
  languageType: optional("languageType", string),
  configFilePath: optional("configFilePath", string),
  pythonScriptFilePath: optional("pythonScriptFilePath", string),
  pythonInterpreterPath,
  commandLineArgs,
  processCount,
});

/** Table of `PyTorchSettings`. */
export const pyTorchSettings = model<PyTorchSettings>("PyTorchSettings", {
  pythonScriptFilePath,
  pythonInterpreterPath,
  commandLineArgs,
  processCount,
  communicationBackend: optional("communicationBackend", string),
});

/** Table of `TensorFlowSettings`. */
export const tensorFlowSettings = model<TensorFlowSettings>("TensorFlowSettings", {
  pythonScriptFilePath,
  pythonInterpreterPath,
  masterCommandLineArgs: optional("masterCommandLineArgs", string),
  workerCommandLineArgs: optional("workerCommandLineArgs", string),
  parameterServerCommandLineArgs: optional("parameterServerCommandLineArgs", string),
  workerCount: optional("workerCount", int32({ minimum: 0 })),
  parameterServerCount: optional("parameterServerCount", int32({ minimum: 0 })),
});

/** Table of `CaffeSettings`. */
export const caffeSettings = model<CaffeSettings>("CaffeSettings", {
  configFilePath: optional("configFilePath", string),
  pythonScriptFilePath: optional("pythonScriptFilePath", string),
  pythonInterpreterPath,
  commandLineArgs,
  processCount,
});

/** Table of `Caffe2Settings`. */
export const caffe2Settings = model<Caffe2Settings>("Caffe2Settings", {
  pythonScriptFilePath,
  pythonInterpreterPath,
  commandLineArgs,
});

/** Table of `ChainerSettings`. */
export const chainerSettings = model<ChainerSettings>("ChainerSettings", {
  pythonScriptFilePath,
  pythonInterpreterPath,
  commandLineArgs,
  processCount,
});

/** Table of `HorovodSettings`. */
export const horovodSettings = model<HorovodSettings>("HorovodSettings", {
  pythonScriptFilePath,
  pythonInterpreterPath,
  commandLineArgs,
  processCount,
});

/** Table of `CustomMpiSettings`. */
export const customMpiSettings = model<CustomMpiSettings>("CustomMpiSettings", {
  commandLine: required("commandLine", string),
  processCount,
});

/** Table of `CustomToolkitSettings`. */
export const customToolkitSettings = model<CustomToolkitSettings>("CustomToolkitSettings", {
  commandLine: optional("commandLine", string),
});
