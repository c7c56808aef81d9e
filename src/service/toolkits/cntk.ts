import type { CNTKsettings } from "../../models/toolkitSettings.ts";
import { mpiLine, pythonLine } from "./pythonLine.ts";
import { masterProcess, type Toolkit } from "./toolkit.ts";

/** CNTK with a Python script: one process, or several through MPI. */
export const cntk: Toolkit = ({ job, nodeCount }) => {
  const settings = job.cntkSettings ?? {};
  const processCount = settings.processCount ?? nodeCount;
  const line = pythonLine(settings);
  return masterProcess(processCount > 1 ? mpiLine(line, processCount) : line);
};

/** Whether the settings mean a BrainScript configuration; old jobs say so only by the file that they name. */
export function usesBrainScript(settings: CNTKsettings): boolean {
  if (settings.languageType) return settings.languageType.toLowerCase() === "brainscript";
  return settings.configFilePath !== undefined && settings.pythonScriptFilePath === undefined;
}
