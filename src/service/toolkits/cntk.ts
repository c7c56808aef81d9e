import type { CNTKsettings } from "../../models/toolkitSettings.ts";
import { mpiLine, pythonLine } from "./pythonLine.ts";
import { masterProcess, type Toolkit } from "./toolkit.ts";

/** CNTK with a Python script: one process, or several through MPI. */
export const cntk: Toolkit<"cntkSettings"> = {
  toolType: "cntk",
  property: "cntkSettings",
  variables: [],

  withDefaults: (settings, { nodeCount }) => ({
    ...settings,
    languageType: settings.languageType ?? (settings.configFilePath ? "BrainScript" : "Python"),
    processCount: settings.processCount ?? nodeCount,
  }),

  issues(settings, path) {
    if (usesBrainScript(settings)) {
      const message = "this service does not run BrainScript configurations yet. Use pythonScriptFilePath.";
      return [{ path: `${path}.languageType`, message }];
    }
    if (settings.pythonScriptFilePath) return [];
    return [{ path: `${path}.pythonScriptFilePath`, message: "a script is needed to run a CNTK job." }];
  },

  processes(settings, { nodes }) {
    const processCount = settings.processCount ?? nodes.length;
    const line = pythonLine(settings);
    return masterProcess(processCount > 1 ? mpiLine(line, processCount) : line);
  },

  slotsPerNode: ({ processCount = 0 }, { nodes }) => Math.ceil(processCount / nodes.length),
};

/** Whether the settings mean a BrainScript configuration; old jobs say so only by the file that they name. */
function usesBrainScript({ languageType, configFilePath, pythonScriptFilePath }: CNTKsettings): boolean {
  if (languageType) return languageType.toLowerCase() === "brainscript";
  return configFilePath !== undefined && pythonScriptFilePath === undefined;
}
