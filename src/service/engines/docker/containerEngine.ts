import { join } from "node:path";
import { type Logger, silentLogger } from "../../logger.ts";
import { StartError } from "../../startError.ts";
import type {
  Engine,
  EngineProbe,
  LaunchPlan,
  LaunchSecrets,
  RunEnd,
  RunHandle,
  RunNeeds,
  RunState,
  Surroundings,
  SurroundingsOptions,
  WaitOptions,
} from "../engine.ts";
import { releasePorts } from "../supervisor/freePorts.ts";
import { RunFiles } from "../supervisor/runFiles.ts";
import { type RunContext, SupervisedRun } from "../supervisor/supervisedRun.ts";
import { ContainerRun, type ContainerRunDetails } from "./containerRun.ts";
import { ContainerWatch } from "./containerWatch.ts";
import { Daemon } from "./daemon.ts";
import { gpuObjection } from "./gpuObjection.ts";
import { imageReferenceOf } from "./imageNames.ts";
import { Images } from "./images.ts";
import { Leftovers } from "./leftovers.ts";
import { findDaemon } from "./findDaemon.ts";
import { addressesFor, type ContainerEngineChoice } from "./sockets.ts";

/** Options of a {@link ContainerEngine}. */
export interface ContainerEngineOptions {
  /** Folder that contains the folder of each run, by the ID of the run. It may be another one after a restart. */
  readonly runsFolder: string;
  /** ID of the data folder: containers of other services are left alone. */
  readonly serviceId: string;
  /** Where the container engine is. Default: `auto`. */
  readonly containerEngine?: ContainerEngineChoice | undefined;
  /** Time between the polite request to end and the end by force, in milliseconds. Default: 5000. */
  readonly gracePeriodInMs?: number | undefined;
  /**
   * Time in which the other processes of a run may end by themselves after the first one has succeeded, in milliseconds.
   * Default: 60000.
   */
  readonly finishPeriodInMs?: number | undefined;
  /** Time without progress after which a pull is given up, in milliseconds. Default: 60000. */
  readonly stallLimitInMs?: number | undefined;
  /** Time in which a silent container engine may be back before a start is given up, in milliseconds. Default: 30000. */
  readonly silenceLimitInMs?: number | undefined;
  /** Called with what the engine does. Default: nothing is logged. */
  readonly logger?: Logger | undefined;
}

const engineName = "container";
const handleVersion = 1;
const standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const lookIntervalInMs = 1000;
const exitIntervalInMs = 100;

/** A container engine of this machine, and what the service knows of it. */
interface Host {
  readonly daemon: Daemon;
  readonly images: Images;
  readonly watch: ContainerWatch;
  readonly leftovers: Leftovers;
}

/** Runs plans in containers of Docker or podman, one for each run. */
export class ContainerEngine implements Engine {
  readonly name = engineName;
  readonly queues = false;
  readonly #options: ContainerEngineOptions;
  readonly #addresses: readonly string[];
  readonly #logger: Logger;
  readonly #hosts = new Map<string, Host>();
  readonly #runs = new Map<string, SupervisedRun<ContainerRun>>();
  readonly #closing = new AbortController();
  readonly #background = new Set<Promise<void>>();
  readonly #context: RunContext;
  /** Address of the container engine that new runs get. */
  #address: string | undefined;

  constructor(options: ContainerEngineOptions) {
    const {
      containerEngine = "auto",
      gracePeriodInMs = 5000,
      finishPeriodInMs = 60_000,
      logger = silentLogger,
    } = options;
    this.#options = options;
    this.#addresses = addressesFor(containerEngine);
    this.#logger = logger;
    this.#context = {
      closing: this.#closing.signal,
      background: this.#background,
      gracePeriodInMs,
      finishPeriodInMs,
      lookIntervalInMs,
      exitIntervalInMs,
      logger,
    };
  }

  async probe(): Promise<EngineProbe> {
    const daemons = this.#addresses.map((address) => this.#host(address).daemon);
    const { containerEngine = "auto" } = this.#options;
    const { address, ...probe } = await findDaemon(daemons, containerEngine);
    this.#address = address;
    if (address !== undefined) this.#host(address).leftovers.watch();
    return probe;
  }

  objection({ container, gpuCount = 0 }: RunNeeds): StartError | undefined {
    if (container === undefined) {
      return new StartError(
        "FailedStartingProcess",
        "The container engine runs only jobs that have container settings.",
      );
    }
    const facts = this.#address === undefined ? undefined : this.#host(this.#address).daemon.facts;
    // A run whose engine is still unknown is checked when it starts.
    return gpuCount === 0 || facts === undefined ? undefined : gpuObjection(facts, container.image);
  }

  async surroundings({ container }: RunNeeds, options: SurroundingsOptions = {}): Promise<Surroundings> {
    if (container === undefined) return { environment: { PATH: standardPath } };
    const { images } = this.#host(this.#chosenAddress());
    const { environment } = await images.provide(container, options);
    return { environment: { PATH: standardPath, ...environment } };
  }

  async reserve(plan: LaunchPlan): Promise<void> {
    const objection = this.objection(plan);
    if (objection) throw objection;
    const run = this.#run(this.handleFor(plan));
    try {
      await run.reserve(plan);
    } catch (error) {
      releasePorts(run.runId);
      this.#runs.delete(run.runId); // It has no handle, so nobody will clean it up.
      throw error;
    }
  }

  handleFor({ runId, nodes, container }: LaunchPlan): RunHandle {
    return {
      engine: engineName,
      version: handleVersion,
      runId,
      executionLogs: nodes.map(({ executionLog }) => executionLog),
      address: this.#chosenAddress(),
      image: container === undefined ? "" : imageReferenceOf(container),
    };
  }

  reads(version: number): boolean {
    return version === handleVersion;
  }

  async start(_plan: LaunchPlan, secrets: LaunchSecrets, handle: RunHandle): Promise<void> {
    const run = this.#run(handle);
    await run.start(secrets);
    run.lookForEnd();
  }

  async recover(handle: RunHandle): Promise<RunState> {
    const run = this.#run(handle);
    const state = await run.recover();
    const { startedOn } = run.body;
    return state.kind === "running" && startedOn ? { ...state, startedOn } : state;
  }

  wait(handle: RunHandle, { onState, abortSignal }: WaitOptions = {}): Promise<RunEnd> {
    onState?.({ kind: "running" });
    return this.#run(handle).wait(abortSignal);
  }

  stop(handle: RunHandle): Promise<void> {
    return this.#run(handle).stop();
  }

  async cleanUp(handle: RunHandle): Promise<void> {
    const run = this.#run(handle);
    await run.cleanUp();
    this.#runs.delete(run.runId);
    if (run.body.mayBeLeft) this.#host(this.#detailsIn(handle).address).leftovers.expect(run.runId);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#background);
    for (const runId of this.#runs.keys()) releasePorts(runId);
  }

  #chosenAddress(): string {
    const address = this.#address ?? this.#addresses[0];
    if (address !== undefined) return address;
    throw new StartError("FailedStartingContainer", "This service has no container engine.");
  }

  #host(address: string): Host {
    const known = this.#hosts.get(address);
    if (known) return known;
    const { runsFolder, serviceId, stallLimitInMs = 60_000 } = this.#options;
    const owner = {
      runsFolder,
      serviceId,
      closing: this.#closing.signal,
      background: this.#background,
      logger: this.#logger,
    };
    const daemon = new Daemon(address, this.#closing.signal);
    const host = {
      daemon,
      images: new Images(daemon, stallLimitInMs),
      watch: new ContainerWatch(daemon, serviceId, this.#closing.signal, this.#logger),
      leftovers: new Leftovers(daemon, owner),
    };
    this.#hosts.set(address, host);
    return host;
  }

  #run(handle: RunHandle): SupervisedRun<ContainerRun> {
    const details = this.#detailsIn(handle);
    const known = this.#runs.get(details.runId);
    if (known) return known;
    const { runsFolder, serviceId, silenceLimitInMs = 30_000 } = this.#options;
    const { daemon, watch } = this.#host(details.address);
    const files = new RunFiles(join(runsFolder, details.runId), true);
    const body = new ContainerRun(details, files, { ...this.#context, daemon, watch, serviceId, silenceLimitInMs });
    const run = new SupervisedRun({ ...details, files, body }, this.#context);
    this.#runs.set(run.runId, run);
    return run;
  }

  #detailsIn(handle: RunHandle): ContainerRunDetails {
    if (handle.engine === engineName && this.reads(handle.version)) return handle as RunHandle & ContainerRunDetails;
    throw new TypeError(
      `The ${engineName} engine cannot read a handle of ${handle.engine}, version ${String(handle.version)}.`,
    );
  }
}
