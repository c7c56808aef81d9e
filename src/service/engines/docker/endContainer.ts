import { reasonOf } from "../../../ground/systemErrors.ts";
import type { Logger } from "../../logger.ts";
import { endScript } from "./containerScript.ts";
import { hasEnded, inspectContainer, type InspectedContainer, isCreated } from "./containers.ts";
import type { Daemon } from "./daemon.ts";
import { DaemonRefusal } from "./daemonErrors.ts";
import { idShape } from "./shapes.ts";

/** What ends containers. */
export interface EndContext {
  readonly daemon: Daemon;
  /** Time between the polite request to end and the end by force, in milliseconds. */
  readonly gracePeriodInMs: number;
  /** Aborted when the engine is closed. */
  readonly closing: AbortSignal;
  readonly logger: Logger;
}

/** Time in which the supervisor ends after it has written the exit file, in milliseconds. */
export const exitPeriodInMs = 5000;

/** Asks all processes of a container to end, and waits for that. Whoever does not is killed with the container. */
export async function terminateContainer(
  container: InspectedContainer,
  runId: string,
  context: EndContext,
): Promise<void> {
  const { Id, State } = container;
  const { daemon, closing, gracePeriodInMs, logger } = context;
  if (hasEnded(State.Status) || isCreated(State.Status)) return;
  try {
    if (State.Status.toLowerCase() === "paused") await daemon.call("POST", `/containers/${Id}/unpause`);
    const Cmd = ["bash", "-p", "-c", endScript, runId];
    const body = { User: "0", Cmd, AttachStdout: false, AttachStderr: false };
    const request = { body, abortSignal: closing, shape: idShape };
    const exec = await daemon.call("POST", `/containers/${Id}/exec`, request);
    await daemon.call("POST", `/exec/${exec.Id}/start`, { body: { Detach: true }, abortSignal: closing });
  } catch (error) {
    if (!(error instanceof DaemonRefusal)) throw error; // It ended meanwhile, or the job has damaged it.
    logger.warn({ run: runId, reason: reasonOf(error) }, "failed to ask the processes of a container to end");
  }
  await exited(container, gracePeriodInMs, context);
  const after = await inspectContainer(daemon, Id, closing);
  if (after === undefined || hasEnded(after.State.Status)) return;
  await daemon.call("POST", `/containers/${Id}/kill`, { abortSignal: closing }).catch((error: unknown) => {
    if (!(error instanceof DaemonRefusal)) throw error;
  });
  await exited(container, exitPeriodInMs, context);
}

/** Waits until a container has ended, or for the time given. */
export async function exited(
  { Id }: Pick<InspectedContainer, "Id">,
  limitInMs: number,
  { daemon, closing }: EndContext,
): Promise<void> {
  const request = { query: { condition: "not-running" }, timeoutInMs: Math.max(1, limitInMs), abortSignal: closing };
  await daemon.call("POST", `/containers/${Id}/wait`, request).catch((error: unknown) => {
    if (closing.aborted) throw error;
  });
}
