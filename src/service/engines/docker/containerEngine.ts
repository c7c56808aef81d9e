import { join } from "node:path";
import { StartError } from "../../startError.ts";
import type {
  EngineProbe,
  LaunchPlan,
  LaunchSecrets,
  RunHandle,
  RunNeeds,
  RunState,
  Surroundings,
  SurroundingsOptions,
} from "../engine.ts";
import { RunFiles } from "../supervisor/runFiles.ts";
import { SupervisedEngine, type SupervisedEngineOptions } from "../supervisor/supervisedEngine.ts";
import { SupervisedRun } from "../supervisor/supervisedRun.ts";
import { ContainerRun, type ContainerRunDetails } from "./containerRun.ts";
import { ContainerWatch } from "./containerWatch.ts";
import { Daemon } from "./daemon.ts";
import { gpuObjection } from "./gpuObjection.ts";
import { imageReferenceOf } from "./imageNames.ts";
import { Images } from "./images.ts";
import { Leftovers } from "./leftovers.ts";
import { findDaemon } from "./findDaemon.ts";
import { addressesFor, type ContainerEngineChoice, ignoredHost } from "./sockets.ts";

/** Options of a {@link ContainerEngine}. */
export interface ContainerEngineOptions extends SupervisedEngineOptions {
  /** ID of the data folder: containers of other services are left alone. */
  readonly serviceId: string;
  /** Where the container engine is. Default: `auto`. */
  readonly containerEngine?: ContainerEngineChoice | undefined;
  /** Time without progress after which a pull is given up, in milliseconds; ten times that while layers are unpacked. Default: 60000. */
  readonly stallLimitInMs?: number | undefined;
  /** Time in which a silent container engine may be back before a start is given up, in milliseconds. Default: 30000. */
  readonly silenceLimitInMs?: number | undefined;
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
export class ContainerEngine extends SupervisedEngine<ContainerRun, ContainerRunDetails> {
  readonly name = engineName;
  readonly #options: ContainerEngineOptions;
  readonly #addresses: readonly string[];
  readonly #hosts = new Map<string, Host>();
  /** Address of the container engine that new runs get. */
  #address: string | undefined;
  /** What the last search found, as the log says it. */
  #found: string | undefined;

  constructor(options: ContainerEngineOptions) {
    super(options, { lookIntervalInMs, exitIntervalInMs });
    this.#options = options;
    this.#addresses = addressesFor(options.containerEngine ?? "auto");
  }

  async probe(): Promise<EngineProbe> {
    const daemons = this.#addresses.map((address) => this.#host(address).daemon);
    const { containerEngine = "auto" } = this.#options;
    const { address, others, isRefused, ...probe } = await findDaemon(daemons, containerEngine);
    this.#address = address;
    if (address !== undefined) this.#host(address).leftovers.watch();
    const ignored = containerEngine === "auto" ? ignoredHost() : undefined;
    const found = [...new Set([probe.description, ...others, ...(ignored === undefined ? [] : [ignored])])].join(" ");
    this.#report(found, isRefused ? "warn" : probe.usable ? "info" : "debug");
    return probe;
  }

  /** Logs what was found, unless it was the same the last time. A service without containers is usual. */
  #report(found: string, level: "warn" | "info" | "debug"): void {
    if (found !== this.#found) this.context.logger[level]({ found }, "looked for container engines");
    this.#found = found;
  }

  objection({ container, allocation, gpuCount = 0 }: RunNeeds): StartError | undefined {
    if (container === undefined || allocation !== undefined) {
      return new StartError(
        "FailedStartingProcess",
        "The container engine runs only jobs of this machine that have container settings.",
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

  override async start(plan: LaunchPlan, secrets: LaunchSecrets, handle: RunHandle): Promise<void> {
    await super.start(plan, secrets, handle);
    this.run(handle).lookForEnd();
  }

  override async recover(handle: RunHandle): Promise<RunState> {
    const state = await super.recover(handle);
    const { startedOn } = this.run(handle).body;
    return state.kind === "running" && startedOn ? { ...state, startedOn } : state;
  }

  override async cleanUp(handle: RunHandle): Promise<void> {
    const { runId, body } = this.run(handle);
    await super.cleanUp(handle);
    if (body.mayBeLeft) this.#host(this.detailsIn(handle).address).leftovers.expect(runId);
  }

  protected makeRun(details: ContainerRunDetails): SupervisedRun<ContainerRun> {
    const { runsFolder, serviceId, silenceLimitInMs = 30_000 } = this.#options;
    const { daemon, watch } = this.#host(details.address);
    const files = new RunFiles(join(runsFolder, details.runId), true);
    const body = new ContainerRun(details, files, { ...this.context, daemon, watch, serviceId, silenceLimitInMs });
    return new SupervisedRun({ ...details, files, body }, this.context);
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
    const { closing, logger } = this.context;
    const owner = { ...this.context, runsFolder, serviceId };
    const daemon = new Daemon(address, closing);
    const host = {
      daemon,
      images: new Images(daemon, stallLimitInMs),
      watch: new ContainerWatch(daemon, serviceId, closing, logger),
      leftovers: new Leftovers(daemon, owner),
    };
    this.#hosts.set(address, host);
    return host;
  }
}
