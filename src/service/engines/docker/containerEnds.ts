import type { RunEnd } from "../engine.ts";
import type { Claim } from "../supervisor/runFiles.ts";
import type { InspectedContainer } from "./containers.ts";

/** End of a run whose container is not there any more, although nobody who may remove it has done so. */
export const containerRemoved: RunEnd = {
  kind: "failed",
  code: "RunLost",
  message: "The container of the job was removed from outside of the service, and its exit code with it.",
};

/** Returns the end of a run whose container has ended without an exit file. */
export function endWithoutFile(container: InspectedContainer, claim: Claim): RunEnd {
  const { OOMKilled, ExitCode, Error: reason = "" } = container.State;
  if (OOMKilled) {
    const end: RunEnd = { kind: "exited", phase: "processes", exitCode: 137 };
    return outOfMemory(end, container);
  }
  const code = ExitCode === undefined ? "" : ` with exit code ${String(ExitCode)}`;
  const because = reason === "" ? "" : ` The container engine says: ${reason}`;
  if (claim.kind === "open") {
    const message = `The container of the job ended${code} before it ran anything.${because}`;
    return { kind: "failed", code: "FailedStartingContainer", message };
  }
  const message =
    `The container of the job ended${code}, and nothing says how the job ended: ` +
    `somebody killed the container, or the machine was restarted.${because}`;
  return { kind: "failed", code: "RunLost", message };
}

/** Returns an end that says that the memory limit of the container was reached. */
export function outOfMemory(end: Extract<RunEnd, { kind: "exited" }>, { HostConfig }: InspectedContainer): RunEnd {
  const { Memory = 0 } = HostConfig;
  return { ...end, outOfMemory: Memory > 0 ? { limitInBytes: Memory } : {} };
}
