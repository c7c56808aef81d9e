import type { Access } from "../access/grant.ts";
import type { Exchange } from "./exchange.ts";

/** One operation of the REST API. */
export interface StorageOperation extends Access {
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
