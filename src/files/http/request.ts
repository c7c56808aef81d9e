import type { IncomingMessage } from "node:http";
import { parseUrl } from "./url.ts";
import type { UrlParts } from "./url.ts";

/** A request with its parsed URL, not authenticated yet. */
export interface StorageRequest extends UrlParts {
  /** The HTTP message, with headers and body. */
  readonly message: IncomingMessage;
  /** HTTP verb. */
  readonly method: string;
  /** Returns the value of a header; undefined if it is absent. */
  header(name: string): string | undefined;
}

/** Parses the URL of a message. Throws if it is not a URL of this endpoint. */
export function parseRequest(message: IncomingMessage, accounts: ReadonlyMap<string, unknown>): StorageRequest {
  const address = parseUrl(message.url ?? "", {
    host: message.headers.host ?? "",
    signer: /^SharedKey ([a-z0-9]+):/.exec(message.headers.authorization ?? "")?.[1],
    ...hostedIn(accounts),
  });
  return {
    ...address,
    message,
    method: message.method ?? "",
    header(name) {
      const value = message.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
  };
}

/** Returns what {@link parseUrl} needs to know about the accounts of the endpoint. */
export function hostedIn(accounts: ReadonlyMap<string, unknown>): {
  hosts: (account: string) => boolean;
  onlyAccount: string | undefined;
} {
  const [first] = accounts.keys();
  return { hosts: (account) => accounts.has(account), onlyAccount: accounts.size === 1 ? first : undefined };
}

/** Whether a request only reads. */
export function isRead({ method }: Pick<StorageRequest, "method">): boolean {
  return method === "GET" || method === "HEAD";
}

/** Whether a text has the form of a service version, such as `2018-03-28`. */
export function isServiceVersion(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text);
}
