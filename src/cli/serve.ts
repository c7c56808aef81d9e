import { Command } from "commander";
import { logLevelOption, openLog } from "./log.ts";
import { portNumber, stopSignal } from "./process.ts";

interface ServeOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly filesPort: number;
  readonly allowOrigin?: string[];
  readonly resourceGroup?: string[];
  readonly storageAccount?: string;
  readonly subscription?: string;
  readonly mountRoot?: string;
  readonly ignoreContainerSettings: boolean;
  readonly logLevel: string;
}

/** `batchai serve`: runs the service until it is told to stop. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("Run the service: the Batch AI API, the file shares, and the jobs")
    .requiredOption("--data-dir <folder>", "folder that holds all state; made when it does not exist")
    .option("--port <number>", "port of the API; 0 means any free port", portNumber, 10100)
    .option("--files-port <number>", "port of the file shares; 0 means any free port", portNumber, 10101)
    .option("--allow-origin <origin...>", "let web pages of these origins call the API from a browser")
    .option("--resource-group <name...>", "make these resource groups when they do not exist")
    .option("--storage-account <name>", "name of the hosted storage account (first start of a data folder only)")
    .option("--subscription <id>", "subscription that the service answers for (first start of a data folder only)")
    .option("--mount-root <folder>", "folder for the mounts and scratch folders of jobs, without blanks in its path")
    .option("--ignore-container-settings", "run jobs that name a container directly on this machine", false)
    .addOption(logLevelOption())
    .action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  // Loaded on demand: whoever asks for help, or wants the file shares alone, does not wait for it.
  const { BatchAIService } = await import("../service/index.ts");
  const logger = openLog(options.logLevel);
  const service = await BatchAIService.start({
    dataDir: options.dataDir,
    port: options.port,
    filesPort: options.filesPort,
    allowedOrigins: options.allowOrigin,
    resourceGroups: options.resourceGroup,
    storageAccountName: options.storageAccount,
    subscriptionId: options.subscription,
    mountRoot: options.mountRoot,
    ignoreContainerSettings: options.ignoreContainerSettings,
    logger,
  });
  const { endpoint, storage } = service.connection;
  process.stdout.write(
    `Batch AI API   ${endpoint}\n` +
      `File shares    ${storage.fileEndpoint}\n` +
      `Connection     ${service.connectionFile} (holds the token and the account key)\n` +
      "Stop with Ctrl-C; running jobs go on and are found again at the next start.\n",
  );
  await stopSignal();
  await service.close();
}
