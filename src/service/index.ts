/**
 * The Batch AI service, in the process that starts it: `batchai/service`.
 *
 * @packageDocumentation
 */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { DataFolderLock } from "../ground/dataFolderLock.ts";
import { FilesService } from "../files/index.ts";
import { checkOrigin } from "./arm/cors.ts";
import { armServer } from "./arm/server.ts";
import { isLoopbackHost } from "./identity/loopback.ts";
import { connectionFileOf, removeConnectionFile, type ServiceConnection, writeConnectionFile } from "./connection.ts";
import { fileServerDirectoryOf } from "./dataFolders.ts";
import { ProcessEngine } from "./engines/local/processEngine.ts";
import { ensureResourceGroup } from "./arm/routes/resourceGroups.ts";
import { identityOf } from "./identity/serviceIdentity.ts";
import { type Logger, silentLogger } from "./logger.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import { hostedVolumes } from "./volumes/hostedShares.ts";
import { openStore } from "./state/store.ts";

export type { ServiceConnection } from "./connection.ts";
export type { Logger } from "./logger.ts";

/** Options of {@link BatchAIService.start}. */
export interface BatchAIServiceOptions {
  /** Folder that holds all state: resources, secrets, shares, runs. Made when it does not exist; one service per folder. */
  readonly dataDir: string;
  /** Port of the Batch AI API. Default: 0, any free port. */
  readonly port?: number;
  /** Port of the file shares. Default: 0, any free port. */
  readonly filesPort?: number;
  /** Address to listen on; only loopback addresses are allowed. Default: `127.0.0.1`. */
  readonly host?: string;
  /**
   * Origins of web pages that may call the API from a browser, such as `http://127.0.0.1:3000`; they need the token like
   * everyone. Default: none.
   */
  readonly allowedOrigins?: readonly string[];
  /** Subscription that the service answers for; kept in the data folder. Default: a new GUID at the first start. */
  readonly subscriptionId?: string;
  /** Names of resource groups that exist from the start, in region `local`. Default: none. */
  readonly resourceGroups?: readonly string[];
  /** Name of the hosted storage account: 3 to 24 lower-case letters and digits. Default: `batchaistorage`. */
  readonly storageAccountName?: string;
  /** Runs jobs that have `containerSettings` directly on this machine, without their container. Default: false. */
  readonly ignoreContainerSettings?: boolean;
  /** How long a node of an automatically scaled cluster stays idle before it leaves, in milliseconds. Default: 60,000. */
  readonly autoScaleIdleTimeInMs?: number;
  /** How long a stopped job may take to end by itself before it is killed, in milliseconds. Default: 5,000. */
  readonly gracePeriodInMs?: number;
  /** Where the service tells what it does; a pino logger fits. Default: nowhere. */
  readonly logger?: Logger;
}

/**
 * The Batch AI service: the API, the file shares, the scheduler and the engine, in this process.
 *
 * @example
 * ```ts
 * await using service = await BatchAIService.start({ dataDir: ".batchai" });
 * const { endpoint, subscriptionId, token } = service.connection;
 * ```
 */
export class BatchAIService {
  /** How to reach the service. Also written to `connection.json` in the data folder. */
  readonly connection: ServiceConnection;
  readonly #dataDir: string;
  readonly #closeParts: () => Promise<void>;
  #closing: Promise<void> | undefined;

  private constructor(dataDir: string, connection: ServiceConnection, closeParts: () => Promise<void>) {
    this.#dataDir = dataDir;
    this.connection = connection;
    this.#closeParts = closeParts;
  }

  /** Path of the connection file. */
  get connectionFile(): string {
    return connectionFileOf(this.#dataDir);
  }

  /**
   * Starts a service; it accepts requests when this resolves. Jobs that an earlier service of the same folder left
   * running are found again.
   * @throws Error when the folder is in use, was written by a newer version, or a port is taken.
   */
  static async start(options: BatchAIServiceOptions): Promise<BatchAIService> {
    const host = options.host ?? "127.0.0.1";
    if (!isLoopbackHost(host)) {
      throw new Error(
        `The service does not listen on ${host}: without TLS only loopback addresses such as 127.0.0.1 are safe.`,
      );
    }
    options.allowedOrigins?.forEach(checkOrigin);
    const dataDir = resolve(options.dataDir);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const opened = new OpenParts();
    try {
      const lock = DataFolderLock.take(dataDir);
      opened.add(() => {
        lock.release();
      });
      removeConnectionFile(dataDir);
      const connection = await startParts({ ...options, host, dataDir }, opened);
      writeConnectionFile(dataDir, connection);
      opened.add(() => {
        removeConnectionFile(dataDir);
      });
      return new BatchAIService(dataDir, connection, () => opened.closeAll());
    } catch (error) {
      await opened.closeAll();
      throw error;
    }
  }

  /** Stops accepting requests, finishes those that are under way, and closes. Running jobs go on. */
  close(): Promise<void> {
    this.#closing ??= this.#closeParts();
    return this.#closing;
  }

  /** Closes at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What has been opened, to be closed in reverse order: also when a later part fails to open. */
class OpenParts {
  readonly #closers: (() => void | Promise<void>)[] = [];

  add(close: () => void | Promise<void>): void {
    this.#closers.push(close);
  }

  /** Closes everything, also when something on the way fails to close; then it throws what that one threw. */
  async closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

async function startParts(
  options: BatchAIServiceOptions & { readonly host: string; readonly dataDir: string },
  opened: OpenParts,
): Promise<ServiceConnection> {
  const { dataDir, host, logger = silentLogger, ignoreContainerSettings = false } = options;
  const store = openStore(dataDir);
  opened.add(() => {
    store.close();
  });
  store.operations.prune();
  const { subscriptionId, token, account } = identityOf(store, options);
  for (const name of options.resourceGroups ?? []) ensureResourceGroup(store, subscriptionId, name);

  const files = await FilesService.start({
    dataDir: join(dataDir, "files"),
    accounts: [account],
    host,
    port: options.filesPort ?? 0,
    log: (message, details = {}) => {
      logger.error(details, message);
    },
  });
  opened.add(() => files.close());
  const engine = new ProcessEngine({ logger, gracePeriodInMs: options.gracePeriodInMs });
  opened.add(() => engine.close());
  const fingerprint = await engine.fingerprint();
  if (!fingerprint.healthy) throw new Error(`Jobs cannot run on this machine: ${fingerprint.description}`);

  const scheduler = new Scheduler({
    store,
    engine,
    volumes: hostedVolumes({
      files,
      filesFolder: join(dataDir, "files"),
      accounts: [account],
      store,
      folders: { fileServer: (sequence) => fileServerDirectoryOf({ dataDir }, sequence) },
    }),
    dataDir,
    logger,
    autoScaleIdleTimeInMs: options.autoScaleIdleTimeInMs ?? 60_000,
    ignoreContainerSettings,
  });
  opened.add(() => scheduler.close());
  scheduler.start();

  const app = armServer({ subscriptionId, token, store, scheduler, files, logger }, options.allowedOrigins);
  opened.add(() => app.close());
  const endpoint = await app.listen({ host, port: options.port ?? 0 });
  return {
    endpoint,
    subscriptionId,
    token,
    storage: { accountName: account.name, accountKey: account.key, fileEndpoint: files.fileEndpoint(account.name) },
  };
}
