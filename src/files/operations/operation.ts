import type { ServerResponse } from "node:http";
import type { Access, Grant } from "../grant.ts";
import type { StorageRequest } from "../request.ts";
import type { Share, Storage } from "../storage.ts";

/** One authenticated request on its way through an operation. */
export interface Exchange {
  readonly request: StorageRequest;
  readonly response: ServerResponse;
  readonly grant: Grant;
  readonly storage: Storage;
  /** Address of the account, as list operations repeat it. */
  readonly accountUrl: string;
}

/** One operation of the REST API. */
export interface Operation extends Access {
  /** HTTP verbs that start it. */
  readonly methods: readonly string[];
  /** Value of `comp`, where the operation has one. */
  readonly comp?: string;
  /** `x-ms-` headers that it honours, besides those that every operation takes; others are refused. */
  readonly headers?: readonly string[];
  /** Whether it takes `x-ms-meta-` headers. */
  readonly takesMetadata?: boolean;
  /** Answers the request. What it throws becomes an error answer. */
  readonly run: (exchange: Exchange) => Promise<void> | void;
}

/** The share that the request addresses. Throws when it does not exist. */
export function shareOf({ request, storage }: Exchange): Share {
  return storage.share({ accountName: request.account, shareName: request.share ?? "" });
}

/** Answers without a body. */
export function answer(exchange: Exchange, status: number, headers: Readonly<Record<string, string>>): void {
  exchange.response.writeHead(status, { ...headers, "content-length": 0 }).end();
}

/** Answers with an XML document. */
export function answerXml(exchange: Exchange, xml: string): void {
  const headers = { "content-type": "application/xml", "content-length": Buffer.byteLength(xml) };
  exchange.response.writeHead(200, headers).end(xml);
}
