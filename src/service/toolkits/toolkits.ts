import type { Job, JobCreateParameters } from "../../models/job.ts";
import { cntk, usesBrainScript } from "./cntk.ts";
import { custom } from "./custom.ts";
import type { Toolkit } from "./toolkit.ts";

/** The property of a job that holds the settings of each tool type. */
export const toolkitSettings = {
  cntk: "cntkSettings",
  pytorch: "pyTorchSettings",
  tensorflow: "tensorFlowSettings",
  caffe: "caffeSettings",
  caffe2: "caffe2Settings",
  chainer: "chainerSettings",
  horovod: "horovodSettings",
  custommpi: "customMpiSettings",
  custom: "customToolkitSettings",
} as const satisfies Record<string, keyof JobCreateParameters>;

/** A tool type of the API. */
export type KnownToolType = keyof typeof toolkitSettings;

/** The toolkits that this service can launch, by tool type. */
export const supportedToolkits: Readonly<Partial<Record<KnownToolType, Toolkit>>> = { cntk, custom };

/** The part of a job that says what it runs. */
type ToolkitChoice = Pick<Job, (typeof toolkitSettings)[KnownToolType]>;

/** The tool types whose settings a job gives; a valid job gives exactly one. */
export function toolTypesOf(job: ToolkitChoice): KnownToolType[] {
  const all = Object.keys(toolkitSettings) as KnownToolType[];
  return all.filter((type) => job[toolkitSettings[type]] !== undefined);
}

/** What this service cannot launch about a job, if anything: the property by its path in the request, and why. */
export function unsupportedToolkit(job: ToolkitChoice): { property: string; message: string } | undefined {
  const known = Object.keys(supportedToolkits) as KnownToolType[];
  const unsupported = toolTypesOf(job).find((type) => !known.includes(type));
  if (unsupported !== undefined) {
    const usable = known.map((type) => toolkitSettings[type]).join(" or ");
    const message = `this service does not run ${unsupported} jobs yet. Use ${usable}.`;
    return { property: `properties.${toolkitSettings[unsupported]}`, message };
  }
  if (job.customToolkitSettings && !job.customToolkitSettings.commandLine) {
    const message = "a command line is needed to run a job.";
    return { property: "properties.customToolkitSettings.commandLine", message };
  }
  if (job.cntkSettings === undefined) return undefined;
  if (usesBrainScript(job.cntkSettings)) {
    const message = "this service does not run BrainScript configurations yet. Use pythonScriptFilePath.";
    return { property: "properties.cntkSettings.languageType", message };
  }
  if (!job.cntkSettings.pythonScriptFilePath) {
    const message = "a script is needed to run a CNTK job.";
    return { property: "properties.cntkSettings.pythonScriptFilePath", message };
  }
  return undefined;
}
