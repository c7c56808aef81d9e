import { setFlagsFromString } from "node:v8";
import { Command } from "commander";
import { logLevelOption, openLog } from "./log.ts";
import { explainingPorts, gpuIndexes, jobVariable, portNumber, stopSignal, wholeNumber } from "./process.ts";

interface ServeOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly filesPort: number;
  readonly allowOrigin?: string[];
  readonly resourceGroup?: string[];
  readonly storageAccount?: string;
  readonly subscription?: string;
  readonly mountRoot?: string;
  readonly sharedDir?: string;
  readonly storageSuffix: string;
  readonly nodeTypes?: string;
  readonly gpus: "all" | "none" | number[];
  readonly mountSeconds: number;
  readonly flushSeconds: number;
  readonly ignoreContainerSettings: boolean;
  readonly containerEngine: string;
  readonly jobEnv: Readonly<Record<string, string>>;
  readonly privateHome: boolean;
  readonly nodeReplacementSeconds: number;
  readonly graceSeconds: number;
  readonly logLevel: string;
}

/** Creates the command `batchai serve`, which runs the service until a signal stops it. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("Run the service: the Batch AI API, the file shares, and the jobs")
    .requiredOption("--data-dir <folder>", "folder for all state; created if it does not exist")
    .option("--port <number>", "port of the API; 0 means any free port", portNumber, 10100)
    .option("--files-port <number>", "port of the file shares; 0 means any free port", portNumber, 10101)
    .option("--allow-origin <origin...>", "origins of web pages that can call the API from a browser")
    .option("--resource-group <name...>", "resource groups to create if they do not exist")
    .option("--storage-account <name>", "name of the hosted storage account (first start of a data folder only)")
    .option("--subscription <id>", "subscription ID of the service (first start of a data folder only)")
    .option("--mount-root <folder>", "folder for the mounts and scratch folders of jobs, without blanks in its path")
    .option("--shared-dir <folder>", "folder for shares and runs that nodes of Slurm see at the same path")
    .option("--storage-suffix <suffix>", "end of the host names of other storage accounts", "core.windows.net")
    .option("--node-types <file>", "JSON file with node types to add to Azure's VM sizes, or to change")
    .option("--gpus <list>", "GPUs that jobs can get: all, none, or their indexes, such as 0,2", gpuIndexes, "all")
    .option("--mount-seconds <number>", "seconds that mounting a volume may take", wholeNumber(3600, 1), 60)
    .option(
      "--flush-seconds <number>",
      "seconds that a volume has to write changes at its end",
      wholeNumber(3600, 1),
      60,
    )
    .option("--ignore-container-settings", "run jobs with container settings directly on this machine", false)
    .option("--container-engine <engine>", "engine for containers: auto, none, or unix:///PATH of a socket", "auto")
    .option(
      "--job-env <variable>",
      "variable of all jobs and setup tasks, as NAME=VALUE, or NAME for its value here; repeatable",
      jobVariable,
      {},
    )
    .option("--private-home", "give each run an empty home folder of its own", false)
    .option(
      "--node-replacement-seconds <number>",
      "seconds before unusable nodes are replaced; doubles with each failure, up to 5 minutes",
      wholeNumber(3600),
      10,
    )
    .option("--grace-seconds <number>", "seconds to wait for active requests on shutdown", wholeNumber(3600), 30)
    .addOption(logLevelOption())
    .action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  keepMemorySmall();
  // Loaded on demand, because help and the command `files` do not need the service.
  const { BatchAIService } = await import("../service/index.ts");
  const logger = openLog(options.logLevel);
  const ports = { "--port": options.port, "--files-port": options.filesPort };
  const service = await explainingPorts(ports, () =>
    BatchAIService.start({
      dataDir: options.dataDir,
      port: options.port,
      filesPort: options.filesPort,
      allowedOrigins: options.allowOrigin,
      resourceGroups: options.resourceGroup,
      storageAccountName: options.storageAccount,
      subscriptionId: options.subscription,
      mountRoot: options.mountRoot,
      sharedDir: options.sharedDir,
      storageSuffix: options.storageSuffix,
      nodeTypes: options.nodeTypes,
      gpus: options.gpus,
      mountTimeoutInMs: options.mountSeconds * 1000,
      flushTimeoutInMs: options.flushSeconds * 1000,
      ignoreContainerSettings: options.ignoreContainerSettings,
      containerEngine: options.containerEngine,
      jobEnvironment: options.jobEnv,
      privateHome: options.privateHome,
      nodeReplacementDelayInMs: options.nodeReplacementSeconds * 1000,
      graceInMs: options.graceSeconds * 1000,
      logger,
    }),
  );
  const { endpoint, storage } = service.connection;
  process.stdout.write(
    `Batch AI API   ${endpoint}\n` +
      `File shares    ${storage.fileEndpoint}\n` +
      `Connection     ${service.connectionFile} (contains the token and the account key)\n` +
      "Press Ctrl-C to stop. Running jobs continue, and the next start picks them up.\n",
  );
  await stopSignal();
  await service.close();
}

/**
 * Keeps V8's space for new objects at its first size. V8 enlarges it to 134 MB under load and never returns it, while the
 * service has about 15 MB of objects; jobs run as fast with the small one (bench/README.md). It is a flag of V8 and not of
 * this process's start, because `npx` starts it without flags.
 */
function keepMemorySmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
