import { createSecretKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import { isIPv6 } from "node:net";
import { promisify } from "node:util";
import { closeServer } from "../ground/closeServer.ts";
import { DataFolderLock } from "../ground/dataFolderLock.ts";
import { errorCode } from "../ground/systemErrors.ts";
import { signServiceSas } from "./access/sas.ts";
import { entriesOf } from "./disk/directoryEntries.ts";
import type { DirectoryEntry, DirectoryPage } from "./disk/directoryEntries.ts";
import { isAccountName, isAddressable, isShareName, parseDiskPath, parsePath } from "./disk/names.ts";
import { locate, requireDirectory } from "./disk/tree.ts";
import { toStorageError } from "./failures.ts";
import { longestRetention } from "./records/serviceProperties.ts";
import { createStorageServer } from "./server.ts";
import type { StorageServer } from "./server.ts";
import { Housekeeping } from "./shares/housekeeping.ts";
import type { Share } from "./shares/share.ts";
import { Storage } from "./shares/storage.ts";
import { createFolder } from "../ground/createFolder.ts";

/** A storage account that the endpoint hosts. */
export interface StorageAccount {
  /** 3 to 24 lowercase letters and digits. */
  readonly name: string;
  /** Account key in Base64. It grants full access to the account. */
  readonly key: string;
}

/** Options of {@link FilesService.start}. */
export interface FilesServiceOptions {
  /**
   * Folder for the shares, as `ACCOUNT/SHARE`, and `properties.db`. Created if it does not exist. Only one endpoint can
   * use a folder at a time.
   */
  readonly dataDir: string;
  /** Accounts to host. */
  readonly accounts: readonly StorageAccount[];
  /** Address to listen on. Default: `127.0.0.1`. Any other address exposes plain HTTP to a network. */
  readonly host?: string;
  /** Port to listen on. Default: 0, any free port. */
  readonly port?: number;
  /**
   * Days for which deleted shares can be restored, 0 to 365, unless the account's service properties set it. Default:
   * 0, a deleted share is removed immediately.
   */
  readonly shareRetentionDays?: number;
  /**
   * Time in milliseconds that {@link FilesService.close} waits for active requests before it closes their connections.
   * Default: 30,000.
   */
  readonly graceInMs?: number;
  /** Called with problems of the service itself. Default: none are reported. */
  readonly log?: (message: string, details?: Record<string, unknown>) => void;
}

/** A file for which {@link FilesService.sasUrl} creates a URL. */
export interface SasTarget {
  /** Name of the account. */
  readonly accountName: string;
  /** Name of the share. */
  readonly shareName: string;
  /** Path in the share, such as `logs/train.txt`. */
  readonly path: string;
}

/** Service version of the URLs of {@link FilesService.sasUrl}. */
const sasVersion = "2018-03-28";

/** Lock file of the data folder. No account can have this name. */
const lockName = "endpoint.lock";
const defaultGraceInMs = 30_000;
const noCreationTimes =
  "The file system of the data folder does not record creation times: a new file may get the stored properties of a file " +
  "that was deleted on the disk.";
/** The longest time that a Node.js timer can wait. */
const longestGraceInMs = 2 ** 31 - 1;

/** Parts of a running service. */
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
  /** `http://HOST:PORT`, without a trailing slash. */
  readonly endpoint: string;
  readonly #parts: Parts;
  readonly #storage: Storage;
  readonly #keys: ReadonlyMap<string, KeyObject>;
  #closed: Promise<void> | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.endpoint = originOf(parts.http.server);
    this.#storage = parts.storage;
    this.#keys = parts.keys;
  }

  /**
   * Starts the endpoint, which accepts requests when the promise resolves. Rejects if an option is not valid, if the
   * data folder cannot be used, is in use by another endpoint or was written by a newer version, or if the port is
   * taken.
   */
  static async start(options: FilesServiceOptions): Promise<FilesService> {
    const { dataDir, host = "127.0.0.1", port = 0, log = () => undefined } = options;
    const keys = new Map(options.accounts.map((account) => [account.name, decodeKey(account)]));
    const retentionDays = retentionDaysIn(options);
    const graceInMs = graceIn(options);
    createFolder(dataDir);
    const lock = DataFolderLock.take(dataDir, lockName);
    let storage: Storage | undefined;
    let housekeeping: Housekeeping | undefined;
    try {
      storage = new Storage(dataDir, [...keys.keys()], retentionDays);
      housekeeping = new Housekeeping(storage);
      if (!storage.recordsCreationTimes) log(noCreationTimes, { dataDir });
      const http = createStorageServer({ storage, keys, log });
      http.server.listen(port, host);
      await once(http.server, "listening");
      // Without a listener, a connection that cannot be accepted, because too many files are open, would end the process.
      http.server.on("error", (error) => log("failed to accept a connection", { error: error.message }));
      return new FilesService({ http, storage, housekeeping, keys, lock, graceInMs });
    } catch (error) {
      storage?.stop();
      await housekeeping?.close();
      await storage?.close();
      lock.release();
      throw explained(error, host, port);
    }
  }

  /**
   * Returns the URL of an account, the counterpart of `https://ACCOUNT.file.core.windows.net`. Throws if the account
   * does not exist.
   */
  fileEndpoint(accountName: string): string {
    this.#accountKey(accountName);
    return `${this.endpoint}/${accountName}`;
  }

  /** Returns the absolute folder of a share; undefined if the share does not exist. */
  shareFolder(accountName: string, shareName: string): string | undefined {
    return this.#findShare(accountName, shareName)?.folder;
  }

  /**
   * Returns the entries of a directory, sorted by name, or one page of them; undefined if the share or the directory
   * does not exist. Paths work as over HTTP: case is ignored, and symbolic links are not followed. Unlike over HTTP,
   * they may contain any name that the file system allows. Throws if the path contains `..`.
   */
  async list(
    accountName: string,
    shareName: string,
    path: string,
    page: DirectoryPage = {},
  ): Promise<DirectoryEntry[] | undefined> {
    const names = parseDiskPath(path);
    const share = this.#findShare(accountName, shareName);
    if (share === undefined) return undefined;
    try {
      return await entriesOf(requireDirectory(locate(share, names)), page);
    } catch (error) {
      const { status, code } = toStorageError(error);
      if (status === 404 || code === "InvalidFileOrDirectoryPathName") return undefined;
      throw error;
    }
  }

  /**
   * Whether a path in a share can have a URL. Azure Files does not allow, for example, control characters and `\\` in
   * names, but a program can create such files on the disk.
   */
  hasUrl(path: string): boolean {
    return isAddressable(path.split("/"));
  }

  /**
   * Returns a URL that grants read access to one file until `expiresOn`. Throws if the account does not exist or the
   * path is not valid.
   */
  sasUrl(target: SasTarget, expiresOn: Date): string {
    const { accountName, shareName } = target;
    const key = this.#accountKey(accountName);
    const path = parsePath(target.path);
    if (!isShareName(shareName) || path.length === 0)
      throw new Error("A SAS URL requires a valid share name and the path of a file.");
    const fields = { sv: sasVersion, se: expiresOn.toISOString().replace(/\.\d+Z$/, "Z"), sp: "r" };
    const sig = signServiceSas(key, ["/file", accountName, shareName, ...path].join("/"), fields);
    const query = Object.entries({ sv: fields.sv, sr: "f", sig, se: fields.se, sp: fields.sp })
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join("&");
    return `${this.fileEndpoint(accountName)}/${[shareName, ...path].map(encodeURIComponent).join("/")}?${query}`;
  }

  /**
   * Stops listening and waits for active requests, up to {@link FilesServiceOptions.graceInMs}. Then closes the
   * remaining connections and the data folder. A second call waits for the first.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { http, storage, housekeeping, lock, graceInMs } = this.#parts;
    const close = promisify((done: () => void) => http.server.close(done));
    await closeServer(http.server, graceInMs, close, () => storage.stop());
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
    if (key === undefined) throw new Error(`This service does not host a storage account "${accountName}".`);
    return key;
  }
}

function graceIn({ graceInMs = defaultGraceInMs }: FilesServiceOptions): number {
  if (Number.isInteger(graceInMs) && graceInMs >= 0 && graceInMs <= longestGraceInMs) return graceInMs;
  throw new Error(`graceInMs must be an integer from 0 to ${longestGraceInMs}, got ${graceInMs}.`);
}

/** Explains an error of the operating system about a port. */
function explained(error: unknown, host: string, port: number): unknown {
  const reason = listenErrors[errorCode(error) ?? ""];
  return reason === undefined
    ? error
    : new Error(`Cannot listen on ${host}, port ${port}: ${reason}`, { cause: error });
}

const listenErrors: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process uses it. Stop it, or choose another port.",
  EADDRNOTAVAIL: "this machine does not have that address.",
  ENOTFOUND: "the host does not exist.",
};

function retentionDaysIn({ shareRetentionDays: days = 0 }: FilesServiceOptions): number {
  if (!Number.isInteger(days) || days < 0 || days > longestRetention) {
    throw new Error(`shareRetentionDays must be an integer from 0 to ${longestRetention}, got ${days}.`);
  }
  return days;
}

function decodeKey({ name, key }: StorageAccount): KeyObject {
  if (!isAccountName(name)) {
    throw new Error(`"${name}" is not a valid storage account name: use 3 to 24 lowercase letters and digits.`);
  }
  const decoded = Buffer.from(key, "base64");
  if (decoded.length === 0 || decoded.toString("base64") !== key) {
    throw new Error(`The key of storage account "${name}" is not valid Base64.`);
  }
  return createSecretKey(decoded);
}

function originOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no TCP address.");
  const host = isIPv6(address.address) ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
