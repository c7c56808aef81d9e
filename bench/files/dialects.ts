import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  StorageSharedKeyCredential,
  generateAccountSASQueryParameters,
} from "@azure/storage-file-share";
import type { Body, Call } from "./calls.ts";

/** Requests to one server. Paths are `FOLDER/NAME`. */
export interface Dialect {
  /** Creates the container for everything else. */
  readonly prepare: readonly Call[];
  /** Creates a folder, if the server has folders. */
  makeFolder(folder: string): Call[];
  /** Creates or replaces a file in as few requests as the server allows. */
  put(path: string, body: Body): Call[];
  /** Requests before, during and after an upload in parts. */
  putParts(path: string, parts: readonly Body[]): { before: Call[]; parts: Call[]; after: Call[] };
  get(path: string): Call;
  head(path: string): Call;
  remove(path: string): Call;
  /** Lists a folder, starting where an earlier response ended. */
  list(folder: string, size: number, marker: string): Call;
}

const version = "2021-12-02";
const share = "/bench";

/** Size of all parts of an upload except the last one: the maximum of Azure Files. */
export const partSize = 4 * 1024 * 1024;

/** A large body in parts. */
export function partsOf({ block, length }: Body): Body[] {
  const count = Math.ceil(length / partSize);
  return Array.from({ length: count }, (_, index) => ({
    block,
    length: Math.min(partSize, length - index * partSize),
  }));
}

/** The server of `limitServer.ts`. */
export const limitDialect: Dialect = {
  prepare: [{ method: "PUT", path: `${share}?folder` }],
  makeFolder: (folder) => [{ method: "PUT", path: `${share}/${folder}?folder` }],
  put: (path, body) => [{ method: "PUT", path: `${share}/${path}`, body }],
  putParts: (path, parts) => ({
    before: [{ method: "POST", path: `${share}/${path}?size=${total(parts)}` }],
    parts: parts.map((body, index) => ({
      method: "PUT",
      path: `${share}/${path}?offset=${index * partSize}`,
      body,
    })),
    after: [],
  }),
  get: (path) => ({ method: "GET", path: `${share}/${path}` }),
  head: (path) => ({ method: "HEAD", path: `${share}/${path}` }),
  remove: (path) => ({ method: "DELETE", path: `${share}/${path}` }),
  list: (folder) => ({ method: "GET", path: `${share}/${folder}?list` }),
};

/** Azure Files, as implemented by this project. */
export function filesDialect(account: string, key: string): Dialect {
  const sas = sasFor(account, key, "f");
  const at = (path: string, query = ""): string => `/${account}${share}${path}?${query}${sas}`;
  const headers = { "x-ms-version": version };
  const range = (path: string, start: number, body: Body): Call => {
    const asked = { "x-ms-write": "update", "x-ms-range": `bytes=${start}-${start + body.length - 1}` };
    return { method: "PUT", path: at(`/${path}`, "comp=range&"), headers: { ...headers, ...asked }, body };
  };
  const newFile = (length: number): Record<string, string | number> => ({
    ...headers,
    "x-ms-type": "file",
    "x-ms-content-length": length,
  });
  return {
    prepare: [{ method: "PUT", path: at("", "restype=share&"), headers }],
    makeFolder: (folder) => [{ method: "PUT", path: at(`/${folder}`, "restype=directory&"), headers }],
    put: (path, body) => {
      // As in Azure, a request contains at most 4 MiB, and the request that creates a small file contains its content.
      const create = { method: "PUT", path: at(`/${path}`), headers: newFile(body.length) };
      if (body.length <= partSize) return [{ ...create, body }];
      return [create, ...partsOf(body).map((part, index) => range(path, index * partSize, part))];
    },
    putParts: (path, parts) => ({
      before: [{ method: "PUT", path: at(`/${path}`), headers: newFile(total(parts)) }],
      parts: parts.map((body, index) => range(path, index * partSize, body)),
      after: [],
    }),
    get: (path) => ({ method: "GET", path: at(`/${path}`), headers }),
    head: (path) => ({ method: "HEAD", path: at(`/${path}`), headers }),
    remove: (path) => ({ method: "DELETE", path: at(`/${path}`), headers }),
    list: (folder, size, marker) => {
      const query = `restype=directory&comp=list&maxresults=${size}${marker === "" ? "" : `&marker=${encodeURIComponent(marker)}`}&`;
      return { method: "GET", path: at(`/${folder}`, query), headers };
    },
  };
}

/** Azure Blob Storage, as implemented by Azurite. */
export function blobDialect(account: string, key: string): Dialect {
  const sas = sasFor(account, key, "b");
  const at = (path: string, query = ""): string => `/${account}${share}${path}?${query}${sas}`;
  const headers = { "x-ms-version": version };
  const blockId = (index: number): string => Buffer.from(String(index).padStart(8, "0")).toString("base64");
  return {
    prepare: [{ method: "PUT", path: at("", "restype=container&"), headers }],
    makeFolder: () => [],
    put: (path, body) => [
      { method: "PUT", path: at(`/${path}`), headers: { ...headers, "x-ms-blob-type": "BlockBlob" }, body },
    ],
    putParts: (path, parts) => {
      const list = parts.map((_, index) => `<Latest>${blockId(index)}</Latest>`).join("");
      const block = Buffer.from(`<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`);
      return {
        before: [],
        parts: parts.map((body, index) => {
          const query = `comp=block&blockid=${encodeURIComponent(blockId(index))}&`;
          return { method: "PUT", path: at(`/${path}`, query), headers, body };
        }),
        after: [
          { method: "PUT", path: at(`/${path}`, "comp=blocklist&"), headers, body: { block, length: block.length } },
        ],
      };
    },
    get: (path) => ({ method: "GET", path: at(`/${path}`), headers }),
    head: (path) => ({ method: "HEAD", path: at(`/${path}`), headers }),
    remove: (path) => ({ method: "DELETE", path: at(`/${path}`), headers }),
    list: (folder, size, marker) => {
      const query = `restype=container&comp=list&prefix=${folder}%2F&maxresults=${size}&marker=${encodeURIComponent(marker)}&`;
      return { method: "GET", path: at("", query), headers };
    },
  };
}

function total(parts: readonly Body[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

function sasFor(account: string, key: string, services: string): string {
  return generateAccountSASQueryParameters(
    {
      version,
      permissions: AccountSASPermissions.parse("rwdlc"),
      resourceTypes: AccountSASResourceTypes.parse("sco").toString(),
      services: AccountSASServices.parse(services === "f" ? "f" : "b").toString(),
      expiresOn: new Date(Date.now() + 24 * 3_600_000),
    },
    new StorageSharedKeyCredential(account, key),
  ).toString();
}
