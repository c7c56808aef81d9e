import type { CaffeSettings } from "../../models/toolkitSettings.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { mpiLineForSeveral, mpiSlots } from "./mpi.ts";
import { countIssues, withProcessCount } from "./processCounts.ts";
import { lineOf, pythonLine, wholeWord } from "./pythonLine.ts";
import { notAllowed } from "./settingsIssues.ts";
import { masterProcess, type Toolkit } from "./toolkit.ts";

/** Caffe with a solver configuration or a Python script: one process, or several through MPI. */
export const caffe: Toolkit<"caffeSettings"> = {
  toolType: "caffe",
  property: "caffeSettings",
  variables: [],

  withDefaults: (settings, { nodeCount }) => withProcessCount(settings, nodeCount),

  issues: (settings, place) => [
    ...fileIssues(settings, place.path),
    ...countIssues("processCount", settings.processCount, place),
  ],

  processes(settings, { nodes }) {
    const line = settings.configFilePath ? solverLine(settings) : pythonLine(settings);
    return masterProcess(mpiLineForSeveral(line, settings.processCount ?? nodes.length, nodes.length));
  },

  slotsPerNode: ({ processCount }, { nodes }) => mpiSlots(processCount, nodes.length),
};

function solverLine({ configFilePath = "", commandLineArgs }: CaffeSettings): string {
  return lineOf("caffe train -solver", wholeWord(configFilePath), commandLineArgs);
}

function fileIssues(settings: CaffeSettings, path: string): ValidationIssue[] {
  const { configFilePath, pythonScriptFilePath, pythonInterpreterPath } = settings;
  if (configFilePath) {
    return notAllowed({ pythonScriptFilePath, pythonInterpreterPath }, path, "together with configFilePath");
  }
  if (pythonScriptFilePath) return [];
  const message = "a solver configuration or pythonScriptFilePath is needed to run a Caffe job.";
  return [{ path: `${path}.configFilePath`, message }];
}
