import { environmentVariableOf, isInControlGroup, pidsOfAllProcesses } from "../../../ground/processTable.ts";
import { runMarker } from "../supervisor/supervisorScript.ts";

/**
 * Whether this machine has no process of the container of a run. False if that cannot be seen: only root may read the
 * variables of all processes, and the control group of a container has its ID in its name.
 */
export function isContainerOver(runId: string, containerId: string | undefined): boolean {
  if (containerId === undefined && process.getuid?.() !== 0) return false;
  return pidsOfAllProcesses().every((pid) => {
    if (containerId !== undefined && isInControlGroup(pid, containerId)) return false;
    return environmentVariableOf(pid, runMarker) !== runId;
  });
}
