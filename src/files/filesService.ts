import { createSecretKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import type { Server } from "node:http";
import { isIPv6 } from "node:net";
import { DataFolderLock } from "../ground/dataFolderLock.ts";
import { errorCode } from "../ground/systemErrors.ts";
import { signServiceSas } from "./access/sas.ts";
import { isAccountName, isShareName, nameOfKey, parsePath } from "./disk/names.ts";
import { keysIn, locate, lookAt, requireDirectory } from "./disk/tree.ts";
import { toStorageError } from "./failures.ts";
import { longestRetention } from "./records/serviceProperties.ts";
import { createStorageServer } from "./server.ts";
import type { StorageServer } from "./server.ts";
import { Housekeeping } from "./shares/housekeeping.ts";
import type { Share } from "./shares/share.ts";
import { Storage } from "./shares/storage.ts";

/** A storage account that the endpoint hosts. */
export interface StorageAccount {
  /** 3 to 24 lower-case letters and digits. */
  readonly name: string;
  /** Account key in Base64. Whoever knows it may do everything in the account. */
  readonly key: string;
}

/** How to start a {@link FilesService}. */
export interface FilesServiceOptions {
  /** Folder that holds the shares, as `ACCOUNT/SHARE`, and `properties.db`. Made when it does not exist; one endpoint per folder. */
  readonly dataDir: string;
  /** Accounts that the endpoint hosts. */
  readonly accounts: readonly StorageAccount[];
  /** Address to listen on. Default `127.0.0.1`. Anything else exposes plain HTTP to a network. */
  readonly host?: string;
  /** Port to listen on. Default 0: any free one. */
  readonly port?: number;
  /**
   * Days for which deleted shares can be restored, 0 to 365, where the account's service properties say nothing else.
   * Default 0: a deleted share is removed at once.
   */
  readonly shareRetentionDays?: number;
  /**
   * Time in milliseconds that {@link FilesService.close} gives requests under way; what has not finished then is cut
   * off. Default 30,000.
   */
  readonly graceInMs?: number;
  /** Told about failures of the service itself. Default: nobody. */
  readonly log?: (message: string, details?: Record<string, unknown>) => void;
}

/** One entry of a directory. */
export interface DirectoryEntry {
  /** Name without its path. */
  readonly name: string;
  /** What it is. Links, pipes and devices are not listed. */
  readonly kind: "file" | "directory";
  /** Size in bytes; files only. */
  readonly contentLength?: number;
  /** Last change of the entry. */
  readonly lastModified: Date;
}

/** A file for which {@link FilesService.sasUrl} makes an address. */
export interface SasTarget {
  /** Account that holds the share. */
  readonly accountName: string;
  /** Share that holds the file. */
  readonly shareName: string;
  /** Path below the share, such as `logs/train.txt`. */
  readonly path: string;
}

/** Version whose rules the addresses of {@link FilesService.sasUrl} follow. */
const sasVersion = "2018-03-28";

/** Lock on the data folder; no account can have such a name. */
const lockName = "endpoint.lock";
const defaultGraceInMs = 30_000;
const noBirths =
  "The file system of the data folder does not note when files are born: what is known of a file that is deleted on the " +
  "disk may be taken for that of a new one.";
/** The longest time that a timer of Node can wait. */
const longestGraceInMs = 2 ** 31 - 1;

/** What a running service consists of. */
interface Parts {
  readonly http: StorageServer;
  readonly storage: Storage;
  readonly housekeeping: Housekeeping;
  readonly keys: ReadonlyMap<string, KeyObject>;
  readonly lock: DataFolderLock;
  readonly graceInMs: number;
}

/** The Azure Files REST API over plain folders. */
export class FilesService {
  /** `http://HOST:PORT`, without a slash at the end. */
  readonly endpoint: string;
  readonly #parts: Parts;
  readonly #storage: Storage;
  readonly #keys: ReadonlyMap<string, KeyObject>;
  #closed: Promise<void> | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.endpoint = addressOf(parts.http.server);
    this.#storage = parts.storage;
    this.#keys = parts.keys;
  }

  /**
   * Starts the endpoint; it accepts requests once the promise resolves. Throws when an option is malformed, the data
   * folder cannot be used, is used by another endpoint or was written by a newer version, or the port is taken.
   */
  static async start(options: FilesServiceOptions): Promise<FilesService> {
    const { dataDir, host = "127.0.0.1", port = 0, log = () => undefined } = options;
    const keys = new Map(options.accounts.map((account) => [account.name, decodeKey(account)]));
    const retentionDays = retentionDaysIn(options);
    const graceInMs = graceIn(options);
    mkdirSync(dataDir, { recursive: true });
    const lock = DataFolderLock.take(dataDir, lockName);
    let storage: Storage | undefined;
    let housekeeping: Housekeeping | undefined;
    try {
      storage = new Storage(dataDir, [...keys.keys()], retentionDays);
      housekeeping = new Housekeeping(storage);
      if (!storage.recordsCreationTimes) log(noBirths, { dataDir });
      const http = createStorageServer({ storage, keys, log });
      http.server.listen(port, host);
      await once(http.server, "listening");
      return new FilesService({ http, storage, housekeeping, keys, lock, graceInMs });
    } catch (error) {
      storage?.stop();
      await housekeeping?.close();
      await storage?.close();
      lock.release();
      throw explained(error, host, port);
    }
  }

  /** Address of an account, as `https://ACCOUNT.file.core.windows.net` is in Azure. Throws for an unknown account. */
  fileEndpoint(accountName: string): string {
    this.#accountKey(accountName);
    return `${this.endpoint}/${accountName}`;
  }

  /** Absolute folder of a share, or undefined when it does not exist. */
  shareFolder(accountName: string, shareName: string): string | undefined {
    return this.#findShare(accountName, shareName)?.folder;
  }

  /**
   * One level of a directory, sorted by name; undefined when the share or directory does not exist. The path is found
   * as it is over HTTP: without regard to case, and never through a symbolic link. Throws when it is no valid path.
   */
  async list(accountName: string, shareName: string, path: string): Promise<DirectoryEntry[] | undefined> {
    const names = parsePath(path);
    const share = this.#findShare(accountName, shareName);
    if (share === undefined) return undefined;
    try {
      const directory = requireDirectory(locate(share, names));
      return lookAt(directory, (await keysIn(directory)).map(nameOfKey)).map(({ name, stat }) => ({
        name,
        kind: stat.isFile() ? "file" : "directory",
        ...(stat.isFile() ? { contentLength: Number(stat.size) } : {}),
        lastModified: stat.ctime,
      }));
    } catch (error) {
      if (toStorageError(error).status === 404) return undefined;
      throw error;
    }
  }

  /** Address under which anyone may read one file until `expiresOn`. Throws for an unknown account or invalid path. */
  sasUrl(target: SasTarget, expiresOn: Date): string {
    const { accountName, shareName } = target;
    const key = this.#accountKey(accountName);
    const path = parsePath(target.path);
    if (!isShareName(shareName) || path.length === 0) throw new Error("A SAS address needs a share and a file in it.");
    const fields = { sv: sasVersion, se: expiresOn.toISOString().replace(/\.\d+Z$/, "Z"), sp: "rl" };
    const sig = signServiceSas(key, ["/file", accountName, shareName, ...path].join("/"), fields);
    const query = Object.entries({ sv: fields.sv, sr: "f", sig, se: fields.se, sp: fields.sp })
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join("&");
    return `${this.fileEndpoint(accountName)}/${[shareName, ...path].map(encodeURIComponent).join("/")}?${query}`;
  }

  /**
   * Stops listening, lets requests under way finish for as long as {@link FilesServiceOptions.graceInMs} says, cuts off
   * the rest, and closes everything. A second call waits for the first.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { http, storage, housekeeping, lock, graceInMs } = this.#parts;
    await closeServer(http.server, graceInMs, () => storage.stop());
    storage.stop();
    await http.idle();
    await housekeeping.close();
    await storage.close();
    lock.release();
  }

  #findShare(accountName: string, shareName: string): Share | undefined {
    return this.#keys.has(accountName) ? this.#storage.findShare({ accountName, shareName }) : undefined;
  }

  #accountKey(accountName: string): KeyObject {
    const key = this.#keys.get(accountName);
    if (key === undefined) throw new Error(`There is no storage account "${accountName}" here.`);
    return key;
  }
}

/** Lets requests under way finish; what has not finished in time is given up, and `giveUp` told so. */
async function closeServer(server: Server, graceInMs: number, giveUp: () => void): Promise<void> {
  // A connection that is kept alive for a next request would keep the server open after its last answer.
  server.prependListener("request", (_, response) => response.setHeader("connection", "close"));
  const sweep = setInterval(() => server.closeIdleConnections(), 20);
  const limit = setTimeout(() => {
    giveUp();
    server.closeAllConnections();
  }, graceInMs);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(sweep);
  clearTimeout(limit);
}

function graceIn({ graceInMs = defaultGraceInMs }: FilesServiceOptions): number {
  if (Number.isInteger(graceInMs) && graceInMs >= 0 && graceInMs <= longestGraceInMs) return graceInMs;
  throw new Error(`graceInMs is ${graceInMs}: it takes a whole number of milliseconds, at most ${longestGraceInMs}.`);
}

/** What the operating system says of a port, in words. */
function explained(error: unknown, host: string, port: number): unknown {
  const reason = listenErrors[errorCode(error) ?? ""];
  return reason === undefined
    ? error
    : new Error(`Cannot listen on ${host}, port ${port}: ${reason}`, { cause: error });
}

const listenErrors: Readonly<Record<string, string>> = {
  EADDRINUSE: "something else listens there already. Stop it, or choose another port.",
  EADDRNOTAVAIL: "it is no address of this machine.",
  ENOTFOUND: "there is no such host.",
};

function retentionDaysIn({ shareRetentionDays: days = 0 }: FilesServiceOptions): number {
  if (!Number.isInteger(days) || days < 0 || days > longestRetention) {
    throw new Error(`shareRetentionDays is ${days}: it takes a whole number from 0 to ${longestRetention}.`);
  }
  return days;
}

function decodeKey({ name, key }: StorageAccount): KeyObject {
  if (!isAccountName(name)) {
    throw new Error(`"${name}" is no name for a storage account: it takes 3 to 24 lower-case letters and digits.`);
  }
  const decoded = Buffer.from(key, "base64");
  if (decoded.length === 0 || decoded.toString("base64") !== key) {
    throw new Error(`The key of storage account "${name}" is not Base64.`);
  }
  return createSecretKey(decoded);
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no TCP address.");
  const host = isIPv6(address.address) ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
