import { setTimeout as delay } from "node:timers/promises";
import { reasonOf } from "../../../ground/systemErrors.ts";
import { StartError } from "../../startError.ts";
import type { LaunchPlan, LaunchSecrets, RunEnd } from "../engine.ts";
import type { PlainPlan } from "../launchText.ts";
import { createFolders } from "../supervisor/createFolders.ts";
import { withLocalValues } from "../supervisor/localValues.ts";
import { checkSecretNames } from "../supervisor/secretNames.ts";
import type { Life, RunBody } from "../supervisor/runBody.ts";
import type { Claim, RunFiles } from "../supervisor/runFiles.ts";
import { foldersOf } from "../supervisor/runFolders.ts";
import { foundOwner } from "../supervisor/supervisorScript.ts";
import { endWithoutFile, containerRemoved, outOfMemory } from "./containerEnds.ts";
import {
  containerNameOf,
  hasEnded,
  inspectContainer,
  type InspectedContainer,
  isCreated,
  isRunning,
  listContainers,
  type ListedContainer,
  removeContainer,
  runLabel,
  serviceLabel,
  wasStarted,
} from "./containers.ts";
import { createBodyOf, gpusOf } from "./containerSpec.ts";
import { gpuObjection } from "./gpuObjection.ts";
import { handOver } from "./handOver.ts";
import { containerStartError, isOfKilledEngine, missingGpus, remedyFor } from "./containerStart.ts";
import { isContainerOver } from "./containerProcesses.ts";
import type { ContainerWatch } from "./containerWatch.ts";
import { createContainer, gpusMissingIn, startContainer } from "./createContainer.ts";
import { DaemonRefusal, DaemonSilence } from "./daemonErrors.ts";
import { type EndContext, exited, exitPeriodInMs, terminateContainer } from "./endContainer.ts";
import { ownerFor } from "./outputOwner.ts";

/** The part of a handle that belongs to the container engine. */
export type ContainerRunDetails = Pick<LaunchPlan, "runId"> & {
  readonly executionLogs: readonly string[];
  /** Address of the container engine that has the container. */
  readonly address: string;
  /** Image with its registry and tag. */
  readonly image: string;
};

/** Everything that all containers of one container engine share. */
export interface ContainerRunContext extends EndContext {
  readonly watch: ContainerWatch;
  readonly serviceId: string;
  /** Time in which a silent container engine is asked again before the start is given up, in milliseconds. */
  readonly silenceLimitInMs: number;
}

const askTimeoutInMs = 10_000;
const retryIntervalInMs = 250;
/** Time in which a container that was started takes the claim, in milliseconds. It may also end without it. */
const claimPeriodInMs = 2000;
const claimIntervalInMs = 10;
/** Time in which a container that is over is removed before its run is reported as ended, in milliseconds. */
const removalLimitInMs = 10_000;

/** The body of a run that is a container. */
export class ContainerRun implements RunBody<PlainPlan> {
  readonly fill = withLocalValues;
  readonly #details: ContainerRunDetails;
  readonly #files: RunFiles;
  readonly #context: ContainerRunContext;
  #starting: Promise<void> | undefined;
  /** ID of the container, as far as it is known. People may rename a container. */
  #id: string | undefined;
  /** Whether the engine may have been asked to start the container. False once a start of this process has got under way. */
  #mayHaveStarted = true;
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
    if (claim.kind === "withdrawn") {
      // Whatever starts now ends at once. But it may be the job that wrote this, so the engine must confirm it.
      return this.#mayHaveStarted ? this.#lookClosely(claim) : { kind: "gone" };
    }
    const snapshot = this.#context.watch.latest();
    if (snapshot === undefined || snapshot.askedAt <= this.#startedAt) return { kind: "unknown" };
    const state = snapshot.states.get(this.#details.runId);
    if (state !== undefined && isRunning(state)) return { kind: "running" };
    return this.#lookClosely(claim);
  }

  async explain(end: RunEnd): Promise<RunEnd> {
    if (end.kind !== "exited" || end.exitCode === 0 || end.outOfMemory) return end;
    try {
      const before = await this.#ours();
      if (!before?.HostConfig.Memory) return end;
      await exited(before, exitPeriodInMs, this.#context);
      const container = await this.#ours();
      return container?.State.OOMKilled ? outOfMemory(end, container) : end;
    } catch {
      return end; // The exit code says enough.
    }
  }

  async end(claim: Claim | undefined, end: RunEnd): Promise<void> {
    this.#endingSince ??= performance.now();
    await this.#starting?.catch(() => undefined);
    // After its exit file, or without the claim, nothing of the job runs any more, unless the job wrote them.
    let isOver = end.kind === "exited" || end.kind === "notStarted" || claim?.kind === "withdrawn";
    try {
      this.#files.removeEnvironment();
      const container = await this.#ours();
      if (container) {
        if (!isOver) await terminateContainer(container, this.#details.runId, this.#context);
        isOver = true;
        await this.#handOver(container);
        await removeContainer(this.#context.daemon, container.Id, this.#context.closing);
        this.#isRemoved = true;
      }
    } catch (error) {
      const isEarly = performance.now() - this.#endingSince < removalLimitInMs;
      if (this.#context.closing.aborted || !isOver || isEarly || !this.#isSurelyOver()) throw error;
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
    this.#mayHaveStarted = false;
    checkSecretNames(secrets, "FailedStartingContainer", "a job in a container");
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
      this.#id = undefined;
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
      this.#id = id;
      await this.#checkGpus(id, plan);
      this.#mayHaveStarted = true;
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
    try {
      const container = await this.#find();
      if (container === undefined) return { kind: "gone", end: containerRemoved };
      if (!this.#isOurs(container)) return { kind: "elsewhere" };
      const { Status, ExitCode } = container.State;
      if (!hasEnded(Status) && !isCreated(Status)) return { kind: "running" };
      const hasRun = wasStarted(container) && ExitCode !== foundOwner;
      return { kind: "gone", exitCode: ExitCode, hasRun, end: endWithoutFile(container, claim) };
    } catch {
      return { kind: "unknown" };
    }
  }

  /**
   * Whether no process of the run is left on this machine, although its engine does not respond. False if that cannot be
   * seen. The exit file alone does not say it, because the job can write to that.
   */
  #isSurelyOver(): boolean {
    try {
      return isContainerOver(this.#details.runId, this.#id);
    } catch {
      return false;
    }
  }

  /** Returns the container of this run; undefined if there is none, or it belongs to another service. */
  async #ours(): Promise<InspectedContainer | undefined> {
    const container = await this.#find();
    return container && this.#isOurs(container) ? container : undefined;
  }

  /** Returns the container with the label of this run, also that of another service that has a copy of the data folder. */
  async #find(): Promise<InspectedContainer | undefined> {
    const { daemon, closing } = this.#context;
    this.#id ??= await this.#listedId();
    return this.#id === undefined ? undefined : await inspectContainer(daemon, this.#id, closing);
  }

  /** Returns the ID of the container with the label of this run, or its name if the engine refuses to list containers. */
  async #listedId(): Promise<string | undefined> {
    const { daemon, serviceId, closing } = this.#context;
    const { runId } = this.#details;
    try {
      const listed = await listContainers(daemon, [runLabel, runId], closing);
      const isOurs = ({ Labels }: ListedContainer): boolean => Labels[serviceLabel] === serviceId;
      return (listed.find(isOurs) ?? listed[0])?.Id;
    } catch (error) {
      if (!(error instanceof DaemonRefusal)) throw error;
      const named = await inspectContainer(daemon, containerNameOf(runId), closing);
      return named?.Config.Labels?.[runLabel] === runId ? named.Id : undefined;
    }
  }

  #isOurs({ Config }: InspectedContainer): boolean {
    const labels = Config.Labels ?? {};
    return labels[serviceLabel] === this.#context.serviceId && labels[runLabel] === this.#details.runId;
  }

  /** Hands the files of root over to the user of the service, unless root in the container is that user. */
  async #handOver(container: InspectedContainer): Promise<void> {
    const owner = ownerFor(await this.#context.daemon.security());
    if (this.#isHandedOver || owner === undefined || !wasStarted(container)) return;
    try {
      await handOver(container, this.#details.runId, this.#context);
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
