import { singleQuoted } from "../../ground/shellQuoting.ts";
import { mpiLine, mpiSlots } from "./mpi.ts";
import { countIssues, withProcessCount } from "./processCounts.ts";
import { masterProcess, type Toolkit } from "./toolkit.ts";

/** The user's own command line, in a separate shell for each MPI process, so it can use the variables of its rank. */
export const customMpi: Toolkit<"customMpiSettings"> = {
  toolType: "custommpi",
  property: "customMpiSettings",
  variables: [],

  withDefaults: (settings, { nodeCount }) => withProcessCount(settings, nodeCount),

  issues({ commandLine, processCount }, place) {
    const counted = countIssues("processCount", processCount, place);
    if (commandLine) return counted;
    return [{ path: `${place.path}.commandLine`, message: "a command line is needed to run a job." }, ...counted];
  },

  processes: ({ commandLine, processCount }, { nodes }) =>
    masterProcess(mpiLine(`bash -c ${singleQuoted(commandLine)}`, processCount ?? nodes.length, nodes.length)),

  slotsPerNode: ({ processCount }, { nodes }) => mpiSlots(processCount, nodes.length),
};
