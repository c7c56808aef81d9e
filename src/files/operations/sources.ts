import { authenticate } from "../access/authentication.ts";
import { locate } from "../disk/tree.ts";
import { StorageError } from "../errors.ts";
import { accountOfHost, parseUrl } from "../http/url.ts";
import { flagHeader, invalid } from "../http/headers.ts";
import { hostedIn } from "../http/request.ts";
import type { StorageRequest } from "../http/request.ts";
import type { Exchange } from "./exchange.ts";
import { shareOf } from "./target.ts";
import type { Target } from "./target.ts";

/** Headers that name a source. */
export type SourceHeader = "x-ms-copy-source" | "x-ms-file-rename-source";

/**
 * Returns the place that a source header names. It must be a place of this endpoint, which never sends requests for a
 * client. A signature in the URL must grant one of the `permissions`. Without a signature, the request itself must be
 * signed with the key of that account.
 */
export function sourceOf(exchange: Exchange, header: SourceHeader, permissions: string): Target {
  const source = parseSource(exchange, header);
  authorize(exchange, source, permissions);
  const share = shareOf({ ...exchange, request: source });
  const keepTrailingDots = flagHeader(exchange.request, "x-ms-source-allow-trailing-dot");
  return { share, place: locate(share, source.path, { keepTrailingDots }) };
}

function parseSource({ request, keys }: Exchange, header: SourceHeader): StorageRequest {
  const text = request.header(header);
  if (text === undefined) throw new StorageError("MissingRequiredHeader", { subject: header });
  const [, host, rest] = /^https?:\/\/([^/?#]+)(\/[^#]*)$/i.exec(text) ?? [];
  if (host === undefined || rest === undefined) invalid(header);
  const hints = { host, signer: request.account, ...hostedIn(keys) };
  if (host !== request.header("host") && accountOfHost(hints) === undefined) throw unverified();
  return { ...parseUrl(rest, hints), message: request.message, method: "GET", header: () => undefined };
}

function authorize({ request, keys, storage }: Exchange, source: StorageRequest, permissions: string): void {
  if (!source.query.has("sig")) {
    const isOwner = request.header("authorization") !== undefined && request.account === source.account;
    if (!isOwner) throw unverified();
    return;
  }
  try {
    authenticate(source, keys, storage).check({ level: "file", resourceType: "o", permissions });
  } catch (error) {
    throw error instanceof StorageError ? unverified(error) : error;
  }
}

function unverified(cause?: StorageError): StorageError {
  if (cause === undefined) return new StorageError("CannotVerifyCopySource");
  const { code, status } = cause;
  const headers = { "x-ms-copy-source-error-code": code, "x-ms-copy-source-status-code": String(status) };
  return new StorageError("CannotVerifyCopySource", { headers });
}

/** Returns the URL of a source without its signature. */
export function publicUrl({ request }: Exchange, header: SourceHeader): string {
  const [address = "", query = ""] = (request.header(header) ?? "").split("?");
  const snapshot = query.split("&").find((parameter) => parameter.toLowerCase().startsWith("sharesnapshot="));
  return snapshot === undefined ? address : `${address}?${snapshot}`;
}
