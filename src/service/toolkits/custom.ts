import { masterProcess, type Toolkit } from "./toolkit.ts";

/** The user's own command line, on the master node. The service prepares the other nodes and starts nothing on them. */
export const custom: Toolkit<"customToolkitSettings"> = {
  toolType: "custom",
  property: "customToolkitSettings",
  variables: [],

  withDefaults: (settings) => settings,

  issues: ({ commandLine }, { path }) =>
    commandLine ? [] : [{ path: `${path}.commandLine`, message: "a command line is needed to run a job." }],

  processes: ({ commandLine = "" }) => masterProcess(commandLine),

  slotsPerNode: () => 1,
};
