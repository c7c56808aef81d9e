import { StartError } from "../../startError.ts";
import { inspectContainer, type InspectedContainer, removeContainer, wasStarted } from "./containers.ts";
import type { gpusOf } from "./containerSpec.ts";
import type { Daemon } from "./daemon.ts";
import { DaemonRefusal, DaemonSilence } from "./daemonErrors.ts";
import { idShape } from "./shapes.ts";

const startTimeoutInMs = 120_000;

/**
 * Creates a container, unless an earlier try has. Engines have different statuses for a name that is in use, and the
 * response to an earlier try may be lost. Returns its ID.
 */
export async function createContainer(
  daemon: Daemon,
  name: string,
  body: object,
  {
    isOurs,
    abortSignal,
  }: { readonly isOurs: (container: InspectedContainer) => boolean; readonly abortSignal: AbortSignal },
): Promise<string> {
  try {
    const request = { query: { name }, body, timeoutInMs: startTimeoutInMs, abortSignal, shape: idShape };
    return (await daemon.call("POST", "/containers/create", request)).Id;
  } catch (error) {
    const existing = await inspectContainer(daemon, name, abortSignal);
    if (existing === undefined && isNameInUse(error)) {
      // The name is taken before the container can be inspected. A podman that was killed keeps it until somebody
      // removes it.
      await removeContainer(daemon, name, abortSignal);
      throw new DaemonSilence(daemon.address, error);
    }
    if (existing === undefined) throw error;
    if (isOurs(existing)) return existing.Id;
    throw new StartError("FailedStartingContainer", `Another container has the name ${name}. Remove it.`);
  }
}

/** Starts a container, unless an earlier try has. */
export async function startContainer(daemon: Daemon, id: string, abortSignal: AbortSignal): Promise<void> {
  try {
    await daemon.call("POST", `/containers/${id}/start`, { timeoutInMs: startTimeoutInMs, abortSignal });
  } catch (error) {
    const container = await inspectContainer(daemon, id, abortSignal);
    if (container === undefined || !wasStarted(container)) throw error;
  }
}

/** Returns the GPUs that a container did not get: Docker may leave out GPUs without an error. */
export function gpusMissingIn(container: InspectedContainer | undefined, gpus: ReturnType<typeof gpusOf>): string[] {
  const granted = (container?.HostConfig.DeviceRequests ?? []).flatMap(({ DeviceIDs }) => DeviceIDs ?? []);
  return gpus.map(({ uuid }) => uuid).filter((uuid) => !granted.includes(uuid));
}

function isNameInUse(error: unknown): boolean {
  return error instanceof DaemonRefusal && /(already|is) in use/i.test(error.message);
}
