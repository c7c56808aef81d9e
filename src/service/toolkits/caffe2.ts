import { pythonLine, scriptIssues } from "./pythonLine.ts";
import { rankedProcesses } from "./ranks.ts";
import { taskIndexVariable, type Toolkit } from "./toolkit.ts";

/** Caffe2: the script once on each node. Its arguments name a rendezvous in the shared scratch folder. */
export const caffe2: Toolkit<"caffe2Settings"> = {
  toolType: "caffe2",
  property: "caffe2Settings",
  variables: [taskIndexVariable],

  withDefaults: (settings) => settings,

  issues: (settings, { path }) => scriptIssues(settings, path, "Caffe2"),

  processes: (settings, { nodes }) => rankedProcesses(pythonLine(settings), nodes.length, nodes),

  slotsPerNode: () => 1,
};
