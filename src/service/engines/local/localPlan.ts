import { imageDetails, StartError } from "../../startError.ts";
import type { RunNeeds } from "../engine.ts";

/** Returns why processes of this machine cannot carry out a plan; undefined if they can. */
export function localObjection({ container, allocation }: RunNeeds): StartError | undefined {
  if (allocation !== undefined) {
    const remedy = "Start the service with --shared-dir DIR (sharedDir), a folder that all nodes see.";
    return new StartError("FailedStartingProcess", `The vmSize of the cluster is in Slurm. ${remedy}`);
  }
  if (container === undefined) return undefined;
  const reason =
    `The job asks for the container image ${container.image}, which only a container engine can run. ` +
    "To run such jobs directly on its machine, start the service with the flag --ignore-container-settings, " +
    "or set the option ignoreContainerSettings.";
  return new StartError("FailedStartingContainer", reason, { details: imageDetails(container) });
}
