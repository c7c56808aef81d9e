/**
 * The Batch AI service, in the process that starts it: `batchai/service`.
 *
 * @packageDocumentation
 */
import { resolve } from "node:path";
import { openDataFolder } from "../ground/dataFolder.ts";
import { DataFolderLock } from "../ground/dataFolderLock.ts";
import { checkOrigin } from "./arm/cors.ts";
import type { ServiceConnection } from "../models/serviceConnection.ts";
import { connectionFileOf, removeConnectionFile, writeConnectionFile } from "./connection.ts";
import { isLoopbackHost } from "../ground/loopback.ts";
import { checkServiceVariables, serviceVariablesOf } from "./launch/serviceVariables.ts";
import { silentLogger } from "./logger.ts";
import { checkGpuChoice } from "./nodes/gpuChoice.ts";
import { openNodeTypes } from "./nodes/ownNodeTypes.ts";
import { OpenParts } from "./openParts.ts";
import type { BatchAIServiceOptions } from "./options.ts";
import { startParts } from "./parts.ts";

export type { ServiceConnection } from "../models/serviceConnection.ts";
export type { Logger } from "./logger.ts";
export type { GpuChoice } from "./nodes/gpuChoice.ts";
export type { NodeTypeOptions } from "./nodes/ownNodeTypes.ts";
export type { SlurmTypeOptions } from "./nodes/slurmTypes.ts";
export type { BatchAIServiceOptions } from "./options.ts";

/** Folders of the data folder that nobody else needs to enter. The shares in `files` are not among them. */
const privateFolders = ["runs", "nodes", "fileservers", "trash"];

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
  /** URLs and credentials of the service. Also written to `connection.json` in the data folder. */
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
   * Starts a service, which accepts requests when the promise resolves. Picks up jobs that are still running from an
   * earlier service on the same folder.
   * @throws Error if the folder is in use, belongs to another user or can be written by others, if a newer version wrote
   * it, if a port is taken, or if an option is not valid.
   */
  static async start(options: BatchAIServiceOptions): Promise<BatchAIService> {
    const host = options.host ?? "127.0.0.1";
    if (!isLoopbackHost(host)) {
      throw new Error(
        `The service does not listen on ${host}: without TLS only loopback addresses such as 127.0.0.1 are safe.`,
      );
    }
    options.allowedOrigins?.forEach(checkOrigin);
    checkServiceVariables(serviceVariablesOf(options));
    checkGpuChoice(options.gpus);
    const nodeTypes = openNodeTypes(options.nodeTypes);
    const dataDir = resolve(options.dataDir);
    openDataFolder(dataDir, {
      privateFolders,
      warn: (message) => {
        (options.logger ?? silentLogger).warn({}, message);
      },
    });
    const opened = new OpenParts();
    try {
      const lock = DataFolderLock.take(dataDir);
      opened.add(() => {
        lock.release();
      });
      removeConnectionFile(dataDir);
      const connection = await startParts({ ...options, host, dataDir }, opened, { nodeTypes });
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

  /**
   * Stops accepting requests, completes active requests, and closes the service. Closes the connections of requests that
   * are still active after `graceInMs`. Running jobs continue.
   */
  close(): Promise<void> {
    this.#closing ??= this.#closeParts();
    return this.#closing;
  }

  /** Closes at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
