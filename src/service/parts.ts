import { join } from "node:path";
import { closeServer } from "../ground/closeServer.ts";
import { FilesService } from "../files/index.ts";
import { ensureResourceGroup } from "./arm/routes/resourceGroups.ts";
import { armServer } from "./arm/server.ts";
import type { ServiceConnection } from "../models/serviceConnection.ts";
import { type DataFolderPlace, settleDataFolder } from "./dataFolderPlace.ts";
import { DataFolders, runsFolderOf } from "./dataFolders.ts";
import { ContainerEngine } from "./engines/docker/containerEngine.ts";
import type { Engine } from "./engines/engine.ts";
import { Engines } from "./engines/engines.ts";
import { ProcessEngine } from "./engines/local/processEngine.ts";
import { SlurmEngine } from "./engines/slurm/slurmEngine.ts";
import { runMarker } from "./engines/supervisor/supervisorScript.ts";
import { serviceIdentityOf } from "./identity/serviceIdentity.ts";
import { type Logger, silentLogger, sturdyLogger } from "./logger.ts";
import { serviceVariablesOf } from "./launch/serviceVariables.ts";
import type { MachineGpus } from "./nodes/gpus.ts";
import { openMachineGpus } from "./nodes/machineGpus.ts";
import type { NodeTypes } from "./nodes/nodeTypes.ts";
import { openNodeTypes } from "./nodes/ownNodeTypes.ts";
import { openMountRoot } from "./mountRoot.ts";
import type { OpenParts } from "./openParts.ts";
import type { BatchAIServiceOptions } from "./options.ts";
import { allocationOf, problemOfType } from "./scheduler/allocation.ts";
import { Pruning } from "./scheduler/pruning.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import { busyVolumeOwners, volumeOwners } from "./scheduler/volumeOwners.ts";
import { openSharedFolder } from "./sharedFolder.ts";
import { openStore, type Store } from "./state/store.ts";
import { hostedVolumes } from "./volumes/hostedVolumes.ts";
import { Mounts } from "./volumes/mounts.ts";

const defaultGraceInMs = 30_000;
/** Also that of the engines, so that the time in which a run must have ended fits to what they do. */
const defaultGracePeriodInMs = 5000;
/** Time in which processes disappear after they were killed. */
const killedAfterInMs = 5000;

/** Parts of a service that its caller has made. */
export interface MadeParts {
  /** Engines in the order in which they are asked. Default: processes of this machine, and containers. */
  readonly engines?: readonly Engine[];
  /** Default: those of the options. */
  readonly nodeTypes?: NodeTypes;
  /** Default: those of this machine. */
  readonly gpus?: MachineGpus;
}

/**
 * Starts the parts of a service in a data folder that exists and is locked.
 * @param made - Parts that exist already.
 */
export async function startParts(
  options: BatchAIServiceOptions & { readonly host: string },
  opened: OpenParts,
  made: MadeParts = {},
): Promise<ServiceConnection> {
  const { dataDir, host, ignoreContainerSettings = false, graceInMs = defaultGraceInMs } = options;
  const { gracePeriodInMs = defaultGracePeriodInMs } = options;
  const logger = sturdyLogger(options.logger ?? silentLogger);
  const nodeTypes = made.nodeTypes ?? openNodeTypes(options.nodeTypes);
  const store = openStore(dataDir);
  opened.add(() => {
    store.close();
  });
  const place = settleDataFolder(store, dataDir);
  const { subscriptionId, token, account } = serviceIdentityOf(store, options);
  const home = openSharedFolder({ sharedDir: options.sharedDir, place, store, accountNames: [account.name] });
  const engines = made.engines ?? enginesFor({ ...options, gracePeriodInMs, logger }, place, home, store);
  for (const name of options.resourceGroups ?? []) ensureResourceGroup(store, subscriptionId, name);

  const filesFolder = join(dataDir, "files");
  const files = await FilesService.start({
    dataDir: filesFolder,
    accounts: [account],
    host,
    port: options.filesPort ?? 0,
    graceInMs,
    log: (message, details = {}) => {
      logger.error(details, message);
    },
  });
  opened.add(() => files.close());
  opened.add(async () => {
    await Promise.all(engines.map((engine) => engine.close()));
  });
  const mountRoot = openMountRoot({
    mountRoot: options.mountRoot ?? (options.sharedDir === undefined ? undefined : join(home, "roots")),
    dataDir,
    name: place.mountRootName,
  });
  const folders = new DataFolders(home, mountRoot, logger);
  opened.add(() => folders.close());
  folders.sweep({
    runs: store.runs.allAlive().map(({ id }) => id),
    nodes: store.nodes.ids(),
    clusters: store.resources.keys("clusters"),
    jobs: store.resources.keys("jobs"),
  });

  const mounts = new Mounts(mountRoot, logger, {
    mountInMs: atLeastOne("mountTimeoutInMs", options.mountTimeoutInMs),
    flushInMs: atLeastOne("flushTimeoutInMs", options.flushTimeoutInMs),
  });
  opened.add(() => mounts.close(busyVolumeOwners(store, folders)));
  mounts.releaseOthers(volumeOwners(store, folders)).catch((error: unknown) => {
    logger.warn({ error: String(error) }, "failed to unmount volumes of an earlier service");
  });
  const storageSuffix = checkedSuffix(options.storageSuffix ?? "core.windows.net");
  const volumes = hostedVolumes({ files, filesFolder, accounts: [account], store, folders, mounts, storageSuffix });

  const gpus = made.gpus ?? (await openGpus(options, { logger, store, opened }));
  const probed = await Engines.probe(engines, logger);
  await checkSlurm(engines, probed, nodeTypes, logger);
  const scheduler = new Scheduler({
    store,
    engines: probed,
    volumes,
    folders,
    nodeTypes,
    gpus,
    logger,
    autoScaleIdleTimeInMs: options.autoScaleIdleTimeInMs ?? 60_000,
    nodeReplacementDelayInMs: options.nodeReplacementDelayInMs ?? 10_000,
    stopLimitInMs: gracePeriodInMs + killedAfterInMs,
    serviceVariables: serviceVariablesOf(options),
    ignoreContainerSettings,
  });
  opened.add(() => scheduler.close());
  scheduler.start();
  const pruning = new Pruning(store, logger);
  opened.add(() => {
    pruning.close();
  });
  pruning.start();

  const app = armServer(
    { subscriptionId, token, store, scheduler, files, nodeTypes, gpus, storageSuffix, logger },
    options.allowedOrigins,
  );
  opened.add(() => closeServer(app.server, graceInMs, () => app.close()));
  const endpoint = await app.listen({ host, port: options.port ?? 0 });
  return {
    endpoint,
    subscriptionId,
    token,
    storage: { accountName: account.name, accountKey: account.key, fileEndpoint: files.fileEndpoint(account.name) },
  };
}

/**
 * Warns if node types need a Slurm that is not there: clusters of such types are refused until Slurm is found, and their
 * jobs fail. Otherwise the engine checks the nodes in the background.
 */
async function checkSlurm(
  engines: readonly Engine[],
  probed: Engines,
  { inSlurm }: NodeTypes,
  logger: Logger,
): Promise<void> {
  const [type] = inSlurm;
  const problem = type && (await problemOfType(probed, type));
  if (problem === undefined) {
    const allocations = inSlurm.flatMap((each) => allocationOf(each, {}) ?? []);
    for (const engine of engines) if (engine instanceof SlurmEngine) engine.checkNodes(allocations);
  } else {
    logger.warn({ problem }, "node types name Slurm as their engine, but it cannot be used");
  }
}

/** Containers of another data folder, even of a copy of this one, belong to another service. */
function enginesFor(
  options: BatchAIServiceOptions,
  { mountRootName: serviceId }: DataFolderPlace,
  home: string,
  { settings }: Store,
): readonly Engine[] {
  const common = { ...options, runsFolder: runsFolderOf(home) };
  const engines = [new ProcessEngine(common), new ContainerEngine({ ...common, serviceId })];
  // Nodes of Slurm see nothing else.
  return options.sharedDir === undefined
    ? engines
    : [...engines, new SlurmEngine({ ...common, serviceId, stored: settings })];
}

/** Looks for the GPUs of this machine, and goes on to watch them. */
async function openGpus(
  options: BatchAIServiceOptions,
  { logger, store, opened }: { readonly logger: Logger; readonly store: Store; readonly opened: OpenParts },
): Promise<MachineGpus> {
  const gpus = await openMachineGpus({
    logger,
    stored: store.settings,
    choice: options.gpus,
    intervalInMs: atLeastOne("gpuPollingIntervalInMs", options.gpuPollingIntervalInMs),
    runMarker,
    isOwnRun: (runId) => store.runs.find(runId)?.ended === false,
  });
  opened.add(() => {
    gpus.close();
  });
  return gpus;
}

function checkedSuffix(suffix: string): string {
  if (/^[a-z0-9.-]+(:\d+)?$/i.test(suffix)) return suffix;
  throw new Error(`${JSON.stringify(suffix)} is not a storage suffix. Use a host name such as core.windows.net.`);
}

function atLeastOne(name: string, time: number | undefined): number | undefined {
  if (time === undefined || time >= 1) return time;
  throw new Error(`${name} must be at least 1 millisecond, got ${String(time)}.`);
}
