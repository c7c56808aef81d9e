import type { Access } from "../access/grant.ts";
import type { Exchange } from "./exchange.ts";

/** An operation of the REST API. */
export interface StorageOperation extends Access {
  /** HTTP methods. */
  readonly methods: readonly string[];
  /** Value of the `comp` parameter. Absent if the operation has none. */
  readonly comp?: string;
  /** Whether the request must name a source (`x-ms-copy-source`). */
  readonly hasSource?: boolean;
  /** `x-ms-` headers that it supports, besides those that every operation accepts. Other headers are rejected. */
  readonly headers?: readonly string[];
  /** Whether it accepts `x-ms-meta-` headers. */
  readonly takesMetadata?: boolean;
  /** Whether it accepts a snapshot of the share (`sharesnapshot`). Default: true for reads of directories and files. */
  readonly takesSnapshot?: boolean;
  /** Whether it enters the share's gate itself, because only part of it needs exclusive access. */
  readonly entersGate?: boolean;
  /** Processes the request and sends the response. An exception becomes an error response. */
  readonly run: (exchange: Exchange) => Promise<void> | void;
}
