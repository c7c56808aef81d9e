import type { CNTKsettings } from "../../models/toolkitSettings.ts";
import { mpiLineForSeveral, mpiSlots } from "./mpi.ts";
import { countIssues, withProcessCount } from "./processCounts.ts";
import { lineOf, pythonLine, scriptIssues, wholeWord } from "./pythonLine.ts";
import { isSameWord, wordIssues } from "../words.ts";
import { notAllowed } from "./settingsIssues.ts";
import { masterProcess, type Toolkit } from "./toolkit.ts";

/** CNTK with a Python script or a BrainScript configuration: one process, or several through MPI. */
export const cntk: Toolkit<"cntkSettings"> = {
  toolType: "cntk",
  property: "cntkSettings",
  variables: [],

  withDefaults: (settings, { nodeCount }) => ({
    ...withProcessCount(settings, nodeCount),
    languageType: settings.languageType ?? (usesBrainScript(settings) ? "BrainScript" : "Python"),
  }),

  issues: (settings, place) => [
    ...wordIssues(settings.languageType, ["Python", "BrainScript"], `${place.path}.languageType`),
    ...(usesBrainScript(settings) ? brainScriptIssues : pythonIssues)(settings, place.path),
    ...countIssues("processCount", settings.processCount, place),
  ],

  processes(settings, { nodes }) {
    const line = usesBrainScript(settings) ? brainScriptLine(settings) : pythonLine(settings);
    return masterProcess(mpiLineForSeveral(line, settings.processCount ?? nodes.length, nodes.length));
  },

  slotsPerNode: ({ processCount }, { nodes }) => mpiSlots(processCount, nodes.length),
};

/** Whether the settings mean a BrainScript configuration; most jobs say so only by the file that they name. */
function usesBrainScript({ languageType, configFilePath }: CNTKsettings): boolean {
  return languageType === undefined ? configFilePath !== undefined : isSameWord(languageType, "BrainScript");
}

function brainScriptLine({ configFilePath = "", commandLineArgs }: CNTKsettings): string {
  return lineOf("cntk", `configFile=${wholeWord(configFilePath)}`, commandLineArgs);
}

function brainScriptIssues(settings: CNTKsettings, path: string) {
  const { configFilePath, pythonScriptFilePath, pythonInterpreterPath } = settings;
  const message = "a configuration file is needed to run a BrainScript job.";
  return [
    ...(configFilePath ? [] : [{ path: `${path}.configFilePath`, message }]),
    ...notAllowed({ pythonScriptFilePath, pythonInterpreterPath }, path, "for a BrainScript configuration"),
  ];
}

function pythonIssues(settings: CNTKsettings, path: string) {
  const { configFilePath } = settings;
  return [...scriptIssues(settings, path, "CNTK"), ...notAllowed({ configFilePath }, path, "for a Python script")];
}
