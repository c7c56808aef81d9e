import { setTimeout as delay } from "node:timers/promises";
import { isOfKilledEngine } from "./containerStart.ts";
import { containerNameOf, type InspectedContainer, outputLabelOf, removeContainer, runLabel } from "./containers.ts";
import { createContainer } from "./createContainer.ts";
import { DaemonRefusal, isShortageOfEngine } from "./daemonErrors.ts";
import { type EndContext, exited, exitPeriodInMs } from "./endContainer.ts";

/** Time that handing over the output may take, in milliseconds. */
const handOverLimitInMs = 600_000;
/** Time in which a refused start is tried again, in milliseconds. */
const retryPeriodInMs = 60_000;
const retryIntervalInMs = 1000;

/**
 * Hands the files of root over to the user of the service: the container of a run does that when it is started again.
 * An engine that was killed while it started a container never starts that one again, so a copy of it takes its place.
 * Rejects with a `DaemonRefusal` if the engine refuses for long, or for a reason that does not pass.
 */
export async function handOver(container: InspectedContainer, runId: string, context: EndContext): Promise<void> {
  const { daemon, closing } = context;
  const deadline = performance.now() + retryPeriodInMs;
  await exited(container, exitPeriodInMs, context);
  let id = container.Id;
  for (;;) {
    try {
      await daemon.call("POST", `/containers/${id}/start`, { abortSignal: closing });
      await exited({ Id: id }, handOverLimitInMs, context);
      break;
    } catch (error) {
      const mayPass = error instanceof DaemonRefusal && (isOfKilledEngine(error) || isShortageOfEngine(error));
      if (!mayPass || performance.now() >= deadline) throw error;
    }
    await delay(retryIntervalInMs, undefined, { signal: closing });
    if (id !== container.Id) await removeContainer(daemon, id, closing);
    id = await copyOf(container, runId, context);
  }
  if (id !== container.Id) await removeContainer(daemon, id, closing);
}

/** Creates a copy of a container, unless an earlier try has. Returns its ID. */
function copyOf({ Config, HostConfig }: InspectedContainer, runId: string, context: EndContext): Promise<string> {
  const label = outputLabelOf(runId);
  const body = { ...Config, Labels: { ...Config.Labels, [runLabel]: label }, HostConfig };
  const isOurs = (existing: InspectedContainer): boolean => existing.Config.Labels?.[runLabel] === label;
  const { daemon, closing } = context;
  return createContainer(daemon, containerNameOf(label), body, { isOurs, abortSignal: closing });
}
