import { randomBytes } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { Command } from "commander";
import { keepAccounts, readAccounts } from "./accountsFile.ts";
import { logLevelOption, openLog } from "./log.ts";
import { explainingPorts, portNumber, stopSignal, wholeNumber } from "./process.ts";

interface FilesOptions {
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  readonly account?: string[];
  readonly shareRetentionDays: number;
  readonly graceSeconds: number;
  readonly logLevel: string;
}

const firstAccount = "batchaistorage";

const keysHelp = `
Keys and connection strings are in FOLDER/accounts.json, which only you can read. The first start generates a key for each
account. To use your own key, stop the endpoint and add the key to this file: [{ "name": "ACCOUNT", "key": "BASE64" }].
There is no option for keys, because every user of this machine can see command lines.`;

/** `batchai files`: serves only file shares, until it is stopped. */
export function filesCommand(): Command {
  return new Command("files")
    .description("Serve Azure file shares from a folder, without the rest of the service")
    .requiredOption("--data-dir <folder>", "folder for the shares, as ACCOUNT/SHARE; created if it does not exist")
    .option("--port <number>", "port to listen on; 0 means any free port", portNumber, 10101)
    .option("--host <address>", "address to listen on; any other exposes plain HTTP to a network", "127.0.0.1")
    .option("--account <name...>", `accounts to add to those of the folder (default: "${firstAccount}")`)
    .option(
      "--share-retention-days <number>",
      "days to keep deleted shares, which can be restored",
      wholeNumber(365),
      0,
    )
    .option("--grace-seconds <number>", "seconds to wait for active requests on shutdown", wholeNumber(3600), 30)
    .addOption(logLevelOption())
    .addHelpText("after", keysHelp)
    .action(serveFiles);
}

async function serveFiles(options: FilesOptions): Promise<void> {
  // This process mostly allocates short-lived memory, such as blocks and pages of lists. By default, V8 lets such
  // garbage grow several times before it collects it. With these flags it collects more often, and the process needs a
  // third less memory (bench/README.md).
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=50");
  // Loaded on demand, because `--help` and `batchai serve` do not need it.
  const { FilesService } = await import("../files/index.ts");
  const logger = openLog(options.logLevel);
  const known = await readAccounts(options.dataDir);
  const wanted = options.account ?? (known.length === 0 ? [firstAccount] : []);
  const added = wanted.filter(
    (name, index) => wanted.indexOf(name) === index && !known.some((one) => one.name === name),
  );
  const accounts = [...known, ...added.map((name) => ({ name, key: randomBytes(64).toString("base64") }))];
  const service = await explainingPorts({ "--port": options.port }, () =>
    FilesService.start({
      dataDir: options.dataDir,
      host: options.host,
      port: options.port,
      accounts,
      shareRetentionDays: options.shareRetentionDays,
      graceInMs: options.graceSeconds * 1000,
      log: (message, details) => logger.error(details, message),
    }),
  );
  let file: string;
  try {
    file = keepAccounts(options.dataDir, accounts, (name) => service.fileEndpoint(name));
  } catch (error) {
    await service.close();
    throw error;
  }
  const shares = accounts.map(({ name }) => `File shares    ${service.fileEndpoint(name)}\n`).join("");
  process.stdout.write(`${shares}Account keys   ${file}\nPress Ctrl-C to stop.\n`);
  await stopSignal();
  await service.close();
}
