import { setTimeout as delay } from "node:timers/promises";
import { reasonOf } from "../../../ground/systemErrors.ts";
import type { Logger } from "../../logger.ts";
import { StartError } from "../../startError.ts";
import type { LaunchPlan, LaunchSecrets, RunEnd } from "../engine.ts";
import type { PlainPlan } from "../launchText.ts";
import { createFolders } from "../supervisor/createFolders.ts";
import { withLocalValues } from "../supervisor/localValues.ts";
import type { Life, RunBody } from "../supervisor/runBody.ts";
import type { Claim, RunFiles } from "../supervisor/runFiles.ts";
import { foldersOf } from "../supervisor/runFolders.ts";
import { endWithoutFile, containerRemoved, outOfMemory } from "./containerEnds.ts";
import { isAssignable } from "../supervisor/assignable.ts";
import { endScript } from "./containerScript.ts";
import {
  containerNameOf,
  hasEnded,
  inspectContainer,
  type InspectedContainer,
  isCreated,
  removeContainer,
  runLabel,
  serviceLabel,
  wasStarted,
} from "./containers.ts";
import { createBodyOf, gpusOf } from "./containerSpec.ts";
import { gpuObjection } from "./gpuObjection.ts";
import { containerStartError, isOfKilledEngine, missingGpus, remedyFor } from "./containerStart.ts";
import type { ContainerWatch } from "./containerWatch.ts";
import { createContainer, gpusMissingIn, startContainer } from "./createContainer.ts";
import type { Daemon, DaemonSecurity } from "./daemon.ts";
import { DaemonRefusal, DaemonSilence } from "./daemonErrors.ts";

/** The part of a handle that belongs to the container engine. */
export type ContainerRunDetails = Pick<LaunchPlan, "runId"> & {
  readonly executionLogs: readonly string[];
  /** Address of the container engine that has the container. */
  readonly address: string;
  /** Image with its registry and tag. */
  readonly image: string;
};

/** Everything that all containers of one container engine share. */
export interface ContainerRunContext {
  readonly daemon: Daemon;
  readonly watch: ContainerWatch;
  readonly serviceId: string;
  readonly gracePeriodInMs: number;
  /** Time in which a silent container engine is asked again before the start is given up, in milliseconds. */
  readonly silenceLimitInMs: number;
  readonly closing: AbortSignal;
  readonly logger: Logger;
}

const askTimeoutInMs = 10_000;
const retryIntervalInMs = 250;
/** Time in which a container that was started takes the claim, in milliseconds. It may also end without it. */
const claimPeriodInMs = 2000;
const claimIntervalInMs = 10;
/** Time in which the supervisor ends after it has written the exit file, in milliseconds. */
const exitPeriodInMs = 5000;
/** Time that handing over the output may take, in milliseconds. */
const handOverLimitInMs = 600_000;
/** Time in which a container that is over is removed before its run is reported as ended, in milliseconds. */
const removalLimitInMs = 10_000;

/** The body of a run that is a container. */
export class ContainerRun implements RunBody<PlainPlan> {
  readonly fill = withLocalValues;
  readonly #details: ContainerRunDetails;
  readonly #files: RunFiles;
  readonly #context: ContainerRunContext;
  #starting: Promise<void> | undefined;
  /** Time of the start; a list of containers that is older does not show it. */
  #startedAt = -Infinity;
  #endingSince: number | undefined;
  #isRemoved = false;
  #isHandedOver = false;
  /** Whether the engine was silent while the container was created and started. */
  #wasDisturbed = false;

  constructor(details: ContainerRunDetails, files: RunFiles, context: ContainerRunContext) {
    this.#details = details;
    this.#files = files;
    this.#context = context;
  }

  /** Time at which its supervisor took the claim; undefined if it has not. */
  get startedOn(): Date | undefined {
    return this.#files.claimedOn();
  }

  /** Whether a container may be left, or come into being by a request that got no response. */
  get mayBeLeft(): boolean {
    return this.#wasDisturbed || !this.#isRemoved;
  }

  async start(plan: PlainPlan, secrets: LaunchSecrets): Promise<void> {
    this.#starting = this.#start(plan, secrets);
    try {
      await this.#starting;
    } catch (error) {
      throw containerStartError(error, this.#details.image);
    } finally {
      this.#starting = undefined;
      this.#startedAt = performance.now();
    }
  }

  async look(claim: Claim): Promise<Life> {
    // Whatever starts now ends at once.
    if (claim.kind === "withdrawn") return { kind: "gone" };
    const snapshot = this.#context.watch.latest();
    if (snapshot === undefined || snapshot.askedAt <= this.#startedAt) return { kind: "unknown" };
    const state = snapshot.states.get(this.#details.runId);
    if (state !== undefined && !hasEnded(state) && !isCreated(state)) return { kind: "running" };
    return this.#lookClosely(claim).catch(() => ({ kind: "unknown" }));
  }

  async explain(end: RunEnd): Promise<RunEnd> {
    if (end.kind !== "exited" || end.exitCode === 0 || end.outOfMemory) return end;
    try {
      const before = await this.#ours();
      if (!before?.HostConfig.Memory) return end;
      await this.#exited(before, exitPeriodInMs);
      const container = await this.#ours();
      return container?.State.OOMKilled ? outOfMemory(end, container) : end;
    } catch {
      return end; // The exit code says enough.
    }
  }

  async end(claim: Claim | undefined, end: RunEnd): Promise<void> {
    this.#endingSince ??= performance.now();
    await this.#starting?.catch(() => undefined);
    // After its exit file, or without the claim, nothing of the job runs any more.
    let isOver = end.kind === "exited" || end.kind === "notStarted" || claim?.kind === "withdrawn";
    try {
      this.#files.removeEnvironment();
      const container = await this.#ours();
      if (container) {
        if (!isOver) await this.#terminate(container);
        isOver = true;
        await this.#handOver(container);
        await removeContainer(this.#context.daemon, container.Id, this.#context.closing);
        this.#isRemoved = true;
      }
    } catch (error) {
      if (this.#context.closing.aborted || !isOver || performance.now() - this.#endingSince < removalLimitInMs)
        throw error;
      this.#warn(error, "failed to remove a container; it is removed later");
    }
  }

  async cleanUp(): Promise<void> {
    if (this.#isRemoved) return;
    try {
      await this.#remove();
    } catch (error) {
      this.#warn(error, "failed to remove a container; it is removed later");
    }
  }

  async #start(plan: PlainPlan, secrets: LaunchSecrets): Promise<void> {
    const { daemon, serviceId } = this.#context;
    const { image } = this.#details;
    checkNames(secrets);
    await createFolders(foldersOf(plan));
    const facts = daemon.facts ?? (await this.#persistently(() => daemon.ask(askTimeoutInMs)));
    const objection = gpusOf(plan).length > 0 ? gpuObjection(facts, image) : undefined;
    if (objection) throw objection;
    const security = await this.#persistently(() => daemon.security());
    const body = createBodyOf({ plan, image, serviceId, facts, security, owner: ownerFor(security) });
    const environment = { ...plan.environment, ...secrets.environment };
    const deadline = performance.now() + this.#context.silenceLimitInMs;
    for (;;) {
      this.#files.writeEnvironment(environment);
      const failure = await this.#failureOf(plan, body);
      if (failure === undefined) return;
      if (performance.now() >= deadline) throw new StartError("Shortage", reasonOf(failure), { cause: failure });
      this.#warn(failure, "failed to start a container that its engine had half started; it is created anew");
      await this.#persistently(() => this.#remove());
      this.#isRemoved = false;
      await delay(retryIntervalInMs, undefined, { signal: this.#context.closing });
    }
  }

  /**
   * Creates the container and starts it. Returns why it must be created anew: an engine that was killed meanwhile leaves
   * containers that never start. Rejects if a new one would not start either, or something of the run has run.
   */
  async #failureOf(plan: PlainPlan, body: object): Promise<Error | undefined> {
    const { daemon, closing } = this.#context;
    try {
      const name = containerNameOf(this.#details.runId);
      const isOurs = (container: InspectedContainer): boolean => this.#isOurs(container);
      const id = await this.#persistently(() => createContainer(daemon, name, body, { isOurs, abortSignal: closing }));
      await this.#checkGpus(id, plan);
      await this.#persistently(() => startContainer(daemon, id, closing));
      await this.#claimed();
      if (!this.#wasDisturbed || !this.#isOpen()) return undefined;
      const container = await this.#persistently(() => inspectContainer(daemon, id, closing));
      if (container && !hasEnded(container.State.Status)) return undefined;
      this.#wasDisturbed = false; // If the next one ends in the same way, that is its own doing.
      return new Error("it ended before it ran anything");
    } catch (error) {
      const mayPass = error instanceof DaemonRefusal && (this.#wasDisturbed || isOfKilledEngine(error));
      if (mayPass && this.#isOpen() && remedyFor(error.message, this.#details.image) === undefined) return error;
      throw error;
    }
  }

  #isOpen(): boolean {
    return this.#files.readClaim().kind === "open";
  }

  async #remove(): Promise<void> {
    const container = await this.#ours();
    if (container === undefined) return;
    await removeContainer(this.#context.daemon, container.Id, this.#context.closing);
    this.#isRemoved = true;
  }

  /** A run whose supervisor has the claim cannot be mistaken for one that has not started. */
  async #claimed(): Promise<void> {
    const deadline = performance.now() + claimPeriodInMs;
    while (this.#isOpen() && performance.now() < deadline) {
      await delay(claimIntervalInMs, undefined, { signal: this.#context.closing });
    }
  }

  /** podman 5.4 and later reports the GPUs that it does not know. */
  async #checkGpus(id: string, plan: PlainPlan): Promise<void> {
    const { daemon, closing } = this.#context;
    const gpus = gpusOf(plan).filter(({ vendor }) => vendor !== "amd");
    if (gpus.length === 0 || daemon.facts?.isPodman) return;
    const missing = gpusMissingIn(await this.#persistently(() => inspectContainer(daemon, id, closing)), gpus);
    if (missing.length > 0) throw missingGpus(this.#details.image, missing);
  }

  /** Repeats a step while the engine is silent: it may restart. Every step looks first what an earlier try has done. */
  async #persistently<T>(step: () => Promise<T>): Promise<T> {
    const { silenceLimitInMs, closing } = this.#context;
    const deadline = performance.now() + silenceLimitInMs;
    for (;;) {
      if (this.#endingSince !== undefined) throw new Error("The run was stopped before it started.");
      try {
        return await step();
      } catch (error) {
        if (error instanceof DaemonSilence) this.#wasDisturbed = true;
        if (!(error instanceof DaemonSilence) || performance.now() >= deadline) throw error;
      }
      await delay(retryIntervalInMs, undefined, { signal: closing });
    }
  }

  async #lookClosely(claim: Claim): Promise<Life> {
    const container = await inspectContainer(
      this.#context.daemon,
      containerNameOf(this.#details.runId),
      this.#context.closing,
    );
    if (container === undefined) return { kind: "gone", end: containerRemoved };
    if (!this.#isOurs(container)) return { kind: "elsewhere" };
    const { Status, ExitCode } = container.State;
    if (!hasEnded(Status) && !isCreated(Status)) return { kind: "running" };
    return { kind: "gone", exitCode: ExitCode, end: endWithoutFile(container, claim) };
  }

  /** Returns the container of this run; undefined if there is none, or it belongs to another service. */
  async #ours(): Promise<InspectedContainer | undefined> {
    const { daemon, closing } = this.#context;
    const container = await inspectContainer(daemon, containerNameOf(this.#details.runId), closing);
    return container && this.#isOurs(container) ? container : undefined;
  }

  #isOurs({ Config }: InspectedContainer): boolean {
    const labels = Config.Labels ?? {};
    return labels[serviceLabel] === this.#context.serviceId && labels[runLabel] === this.#details.runId;
  }

  /** Asks all processes of a container to end, and waits for that. Whoever does not is killed with the container. */
  async #terminate(container: InspectedContainer): Promise<void> {
    const { Id, State } = container;
    const { daemon, closing, gracePeriodInMs } = this.#context;
    if (hasEnded(State.Status) || isCreated(State.Status)) return;
    try {
      if (State.Status.toLowerCase() === "paused") await daemon.call("POST", `/containers/${Id}/unpause`);
      const Cmd = ["bash", "-p", "-c", endScript, this.#details.runId];
      const body = { User: "0", Cmd, AttachStdout: false, AttachStderr: false };
      const request = { body, abortSignal: closing };
      const exec = await daemon.call<{ readonly Id: string }>("POST", `/containers/${Id}/exec`, request);
      await daemon.call("POST", `/exec/${exec.Id}/start`, { body: { Detach: true }, abortSignal: closing });
    } catch (error) {
      if (!(error instanceof DaemonRefusal)) throw error; // It ended meanwhile, or the job has damaged it.
      this.#warn(error, "failed to ask the processes of a container to end");
    }
    await this.#exited(container, gracePeriodInMs);
    const after = await inspectContainer(daemon, Id, closing);
    if (after === undefined || hasEnded(after.State.Status)) return;
    await daemon.call("POST", `/containers/${Id}/kill`, { abortSignal: closing }).catch((error: unknown) => {
      if (!(error instanceof DaemonRefusal)) throw error;
    });
    await this.#exited(container, exitPeriodInMs);
  }

  /** Waits until a container has ended, or for the time given. */
  async #exited({ Id }: InspectedContainer, limitInMs: number): Promise<void> {
    const { daemon, closing } = this.#context;
    const request = { query: { condition: "not-running" }, timeoutInMs: Math.max(1, limitInMs), abortSignal: closing };
    await daemon.call("POST", `/containers/${Id}/wait`, request).catch((error: unknown) => {
      if (closing.aborted) throw error;
    });
  }

  /** Hands the files of root over to the user of the service: the container does that when it is started again. */
  async #handOver(container: InspectedContainer): Promise<void> {
    const { daemon, closing } = this.#context;
    const owner = ownerFor(await daemon.security());
    if (this.#isHandedOver || owner === undefined || !wasStarted(container)) return;
    try {
      await this.#exited(container, exitPeriodInMs);
      await daemon.call("POST", `/containers/${container.Id}/start`, { abortSignal: closing });
      await this.#exited(container, handOverLimitInMs);
    } catch (error) {
      if (!(error instanceof DaemonRefusal)) throw error;
      this.#warn(error, "failed to hand the output of a container over to the user of the service");
    }
    this.#isHandedOver = true;
  }

  #warn(error: unknown, message: string): void {
    this.#context.logger.warn({ run: this.#details.runId, reason: reasonOf(error) }, message);
  }
}

/** Returns the user and group that own the output afterwards; undefined if root in the container is that user anyway. */
function ownerFor({ isRootless }: DaemonSecurity): string | undefined {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return isRootless || uid === 0 ? undefined : `${String(uid)}:${String(gid)}`;
}

/** @throws StartError if a secret would have to be shown to pass it on. */
function checkNames({ environment }: LaunchSecrets): void {
  for (const name of Object.keys(environment)) {
    if (isAssignable(name)) continue;
    throw new StartError(
      "FailedStartingContainer",
      `A secret variable of a job in a container cannot have the name ${JSON.stringify(name)}. ` +
        "Use letters, digits and underscores, and no name that bash protects.",
    );
  }
}
