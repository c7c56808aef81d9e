import type { KeyObject } from "node:crypto";
import type { Access, Grant } from "../access/grant.ts";
import type { StorageRequest } from "../http/request.ts";
import type { StorageResponse } from "../http/response.ts";
import type { Share } from "../shares/share.ts";
import { snapshotAt } from "../shares/snapshots.ts";
import type { Storage } from "../shares/storage.ts";

/** One authenticated request on its way through an operation. */
export interface Exchange {
  readonly request: StorageRequest;
  readonly response: StorageResponse;
  readonly grant: Grant;
  readonly storage: Storage;
  /** Decoded keys of the accounts that the endpoint hosts. */
  readonly keys: ReadonlyMap<string, KeyObject>;
  /** Address of the account, as list operations repeat it. */
  readonly accountUrl: string;
}

/** One operation of the REST API. */
export interface Operation extends Access {
  /** HTTP verbs that start it. */
  readonly methods: readonly string[];
  /** Value of `comp`, where the operation has one. */
  readonly comp?: string;
  /** Whether it is the operation for requests that name a source (`x-ms-copy-source`). */
  readonly hasSource?: boolean;
  /** `x-ms-` headers that it honours, besides those that every operation takes; others are refused. */
  readonly headers?: readonly string[];
  /** Whether it takes `x-ms-meta-` headers. */
  readonly takesMetadata?: boolean;
  /** Whether it works on a snapshot of the share (`sharesnapshot`). Default: reading directories and files does. */
  readonly takesSnapshot?: boolean;
  /** Whether it enters the share's gate itself, because not all of it needs the share for itself. */
  readonly entersGate?: boolean;
  /** Answers the request. What it throws becomes an error answer. */
  readonly run: (exchange: Exchange) => Promise<void> | void;
}

/** The share, or snapshot of a share, that the request addresses. Throws when it does not exist. */
export function shareOf({ request, storage }: Exchange): Share {
  const share = storage.share({ accountName: request.account, shareName: request.share ?? "" });
  const time = request.query.get("sharesnapshot") ?? "";
  return time === "" ? share : snapshotAt(storage, share, time);
}

/** Answers without a body. */
export function answer(exchange: Exchange, status: number, headers: Readonly<Record<string, string>>): void {
  exchange.response.writeHead(status, { ...headers, "content-length": 0 }).end();
}

/** Answers with an XML document, whole or in pieces. */
export function answerXml(
  exchange: Exchange,
  xml: string | readonly Buffer[],
  headers: Readonly<Record<string, string>> = {},
): void {
  answerDocument(exchange, "application/xml", typeof xml === "string" ? [Buffer.from(xml)] : xml, headers);
}

/** Answers with a JSON document. */
export function answerJson(exchange: Exchange, document: object): void {
  answerDocument(exchange, "application/json", [Buffer.from(JSON.stringify(document))], {});
}

function answerDocument(
  { response }: Exchange,
  type: string,
  pieces: readonly Buffer[],
  headers: Readonly<Record<string, string>>,
): void {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  response.writeHead(200, { ...headers, "content-type": type, "content-length": length });
  for (const piece of pieces) response.write(piece);
  response.end();
}
