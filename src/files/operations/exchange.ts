import type { KeyObject } from "node:crypto";
import type { Grant } from "../access/grant.ts";
import type { StorageRequest } from "../http/request.ts";
import type { StorageResponse } from "../http/response.ts";
import type { Storage } from "../shares/storage.ts";

/** An authenticated request and its response. */
export interface Exchange {
  readonly request: StorageRequest;
  readonly response: StorageResponse;
  readonly grant: Grant;
  readonly storage: Storage;
  /** Decoded keys of the hosted accounts. */
  readonly keys: ReadonlyMap<string, KeyObject>;
  /** URL of the account, which lists contain. */
  readonly accountUrl: string;
}

/** Sends a response without a body. */
export function respond(exchange: Exchange, status: number, headers: Readonly<Record<string, string>>): void {
  exchange.response.writeHead(status, { ...headers, "content-length": 0 }).end();
}

/** Sends an XML document, in full or in pieces. */
export function respondXml(
  exchange: Exchange,
  xml: string | readonly Buffer[],
  headers: Readonly<Record<string, string>> = {},
): void {
  respondDocument(exchange, "application/xml", typeof xml === "string" ? [Buffer.from(xml)] : xml, headers);
}

/** Sends a JSON document. */
export function respondJson(exchange: Exchange, document: object): void {
  respondDocument(exchange, "application/json", [Buffer.from(JSON.stringify(document))], {});
}

function respondDocument(
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
