import type { IncomingMessage } from "node:http";
import { StorageError } from "./errors.ts";
import { checkPath, isAccountName, isShareName } from "./names.ts";

/** A request with its address taken apart, before anyone has asked who sent it. */
export interface StorageRequest {
  /** The message itself: headers and body. */
  readonly message: IncomingMessage;
  /** HTTP verb. */
  readonly method: string;
  /** Path exactly as it came, still percent-encoded: that is what clients sign. */
  readonly encodedPath: string;
  /** Account of a path-style address. */
  readonly account: string;
  /** Share, where the address names one. */
  readonly share: string | undefined;
  /** Decoded and checked names below the share. */
  readonly path: readonly string[];
  /** Query parameters by lower-case name, decoded. */
  readonly query: ReadonlyMap<string, string>;
  /** Value of a header, if it is there. */
  header(name: string): string | undefined;
}

/** Takes the address of `message` apart. Throws when it cannot be one of this endpoint. */
export function parseRequest(message: IncomingMessage): StorageRequest {
  const url = message.url ?? "";
  if (!url.startsWith("/")) throw new StorageError("InvalidUri");
  const queryStart = url.indexOf("?");
  const encodedPath = queryStart < 0 ? url : url.slice(0, queryStart);
  const [account, share, ...path] = parsePathStyle(encodedPath);
  if (account === undefined || !isAccountName(account)) throw new StorageError("InvalidUri");
  if (share !== undefined && !isShareName(share)) throw new StorageError("InvalidResourceName");
  checkPath(path);
  return {
    message,
    method: message.method ?? "",
    encodedPath,
    account,
    share,
    path,
    query: parseQuery(queryStart < 0 ? "" : url.slice(queryStart + 1)),
    header(name) {
      const value = message.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
  };
}

function parsePathStyle(encodedPath: string): string[] {
  const segments = encodedPath.slice(1).split("/").map(decode);
  if (segments.at(-1) === "") segments.pop();
  return segments;
}

function parseQuery(text: string): Map<string, string> {
  const query = new Map<string, string>();
  for (const pair of text.split("&").filter((part) => part !== "")) {
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals)).toLowerCase();
    if (query.has(name)) throw new StorageError("InvalidQueryParameterValue", { subject: name });
    query.set(name, equals < 0 ? "" : decode(pair.slice(equals + 1)));
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new StorageError("InvalidUri");
  }
}
