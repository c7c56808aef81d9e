import type { BatchAIError } from "../../models/error.ts";
import type { RunEnd, RunExit } from "../engines/engine.ts";
import { setupTaskName } from "../launch/setupTask.ts";
import type { StoredResource } from "../state/resources.ts";
import type { Run } from "../state/runs.ts";
import type { Store } from "../state/store.ts";

/** Name of the detail that says on which host of Slurm the setup task of a cluster failed. */
const hostDetail = "Host";

/** Whether a run ended because the setup task of its cluster failed on a host. */
export function isSetupFailure(end: RunEnd): end is RunExit {
  const isFailure = end.kind === "exited" && end.phase === "preparation" && end.exitCode !== 0;
  return isFailure && end.process?.name === setupTaskName;
}

/** Whether an error of a cluster is about a host of Slurm. */
export function isHostError({ details = [] }: BatchAIError): boolean {
  return details.some(({ name }) => name === hostDetail);
}

/** Returns the host on which a run failed; its node, if Slurm has not told the host. */
export function hostOf(run: Run, { process }: RunExit): string {
  const position = run.nodes.indexOf(process?.nodeId ?? "");
  return run.addresses[position] ?? process?.nodeId ?? "unknown";
}

/**
 * Stores what the end of a job in Slurm says about the hosts that it had: where the setup task failed, or that it has
 * succeeded meanwhile. Clusters of this machine have no such errors.
 */
export function noteHosts(store: Store, cluster: StoredResource<"clusters">, run: Run, end: RunEnd): void {
  const { errors = [] } = cluster.model;
  const failure = isSetupFailure(end) ? hostErrorOf(hostOf(run, end), end) : undefined;
  if (failure === undefined && !errors.some(isHostError)) return;
  const hosts = failure ? [hostIn(failure)] : end.kind === "exited" ? run.addresses : [];
  const others = errors.filter((error) => !hosts.includes(hostIn(error)));
  const left = failure ? [...others, failure] : others;
  if (failure === undefined && left.length === errors.length) return;
  store.resources.advance(cluster, { errors: left.length === 0 ? undefined : left });
}

function hostErrorOf(host: string, { exitCode }: RunExit): BatchAIError {
  return {
    code: "NodeSetupTaskFailed",
    message: `Node set-up task failed with non-zero exit code on the host ${host}`,
    details: [
      { name: hostDetail, value: host },
      { name: "ExitCode", value: String(exitCode) },
    ],
  };
}

function hostIn({ details = [] }: BatchAIError): string {
  return details.find(({ name }) => name === hostDetail)?.value ?? "";
}
