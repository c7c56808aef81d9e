import { randomUUID } from "node:crypto";
import { StorageError } from "../errors.ts";
import type { StorageErrorCode } from "../errors.ts";
import type { Lease } from "../records/lease.ts";
import { steadyNow } from "../times.ts";
import { countHeader, invalid } from "./headers.ts";
import type { StorageRequest } from "./request.ts";

/** State of a lease. */
export type LeaseState = "available" | "leased" | "expired" | "breaking" | "broken";

/** Kind of a leased resource. Files have only leases that do not expire, and their own error codes. */
export type LeasedKind = "share" | "file";

/** Result of a lease operation: the lease to store (undefined to delete it) and the response. */
export interface LeaseOutcome {
  readonly lease: Lease | undefined;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Use of a resource that may be leased, by a request other than a lease operation. */
export interface LeaseUse {
  readonly kind: LeasedKind;
  /** Whether the lease excludes other clients. If not, they only must not send a wrong lease ID. */
  readonly needsLease: boolean;
}

/** Header with the ID of the lease that the client holds. */
export const leaseHeader = "x-ms-lease-id";

/** Names of the request headers that {@link actOnLease} reads. */
export const leaseHeadersRead: readonly string[] = [
  "x-ms-lease-id",
  "x-ms-lease-action",
  "x-ms-lease-duration",
  "x-ms-lease-break-period",
  "x-ms-proposed-lease-id",
];

const forever = -1;
const longestBreak = 60;

/** Returns the state of a lease, which is undefined if the resource is not leased. */
export function leaseStateOf(lease: Lease | undefined, now = steadyNow()): LeaseState {
  if (lease === undefined) return "available";
  if (lease.brokenAt !== undefined) return now < lease.brokenAt ? "breaking" : "broken";
  return lease.endsAt !== undefined && now >= lease.endsAt ? "expired" : "leased";
}

/** State of a lease as headers and lists show it. */
export interface LeaseDescription {
  readonly status: "locked" | "unlocked";
  readonly state: LeaseState;
  /** Absent unless the lease is held. */
  readonly duration?: "infinite" | "fixed";
}

/** Returns the state of a lease, for headers and lists. */
export function describeLease(lease: Lease | undefined, now = steadyNow()): LeaseDescription {
  const state = leaseStateOf(lease, now);
  const status = state === "leased" || state === "breaking" ? "locked" : "unlocked";
  if (state !== "leased") return { status, state };
  return { status, state, duration: lease?.duration === forever ? "infinite" : "fixed" };
}

/** Returns the response headers for a lease. */
export function leaseHeaders(lease: Lease | undefined, now = steadyNow()): Record<string, string> {
  const { status, state, duration } = describeLease(lease, now);
  return {
    "x-ms-lease-status": status,
    "x-ms-lease-state": state,
    ...(duration === undefined ? {} : { "x-ms-lease-duration": duration }),
  };
}

const wrongLease = {
  share: "LeaseIdMismatchWithContainerOperation",
  file: "LeaseIdMismatchWithFileOperation",
} as const satisfies Record<LeasedKind, StorageErrorCode>;

const noLease = {
  share: "LeaseNotPresentWithContainerOperation",
  file: "LeaseNotPresentWithFileOperation",
} as const satisfies Record<LeasedKind, StorageErrorCode>;

/** Throws if a lease prevents a request, or if the request names a lease that does not exist. */
export function checkLease(request: StorageRequest, lease: Lease | undefined, use: LeaseUse, now = steadyNow()): void {
  const id = leaseIdOf(request, "x-ms-lease-id");
  const held = describeLease(lease, now).status === "locked";
  if (id === undefined) {
    if (held && use.needsLease) throw new StorageError("LeaseIdMissing");
  } else {
    if (!held) throw new StorageError(noLease[use.kind]);
    if (id !== lease?.id) throw new StorageError(wrongLease[use.kind]);
  }
}

/**
 * Performs the lease operation that a request names, on a lease that the caller has read and will store. Throws if the
 * state of the lease does not allow it.
 */
export function actOnLease(
  request: StorageRequest,
  lease: Lease | undefined,
  kind: LeasedKind,
  now = steadyNow(),
): LeaseOutcome {
  switch (request.header("x-ms-lease-action")?.toLowerCase()) {
    case "acquire":
      return acquireLease(request, lease, kind, now);
    case "renew":
      if (kind === "file") invalid("x-ms-lease-action");
      return renewLease(request, lease, now);
    case "change":
      return changeLease(request, lease, now);
    case "release":
      return releaseLease(request, lease);
    case "break":
      return breakLease(request, lease, kind, now);
    case undefined:
      throw new StorageError("MissingRequiredHeader", { subject: "x-ms-lease-action" });
    default:
      return invalid("x-ms-lease-action");
  }
}

function acquireLease(request: StorageRequest, lease: Lease | undefined, kind: LeasedKind, now: number): LeaseOutcome {
  const duration = durationOf(request, kind);
  const proposed = leaseIdOf(request, "x-ms-proposed-lease-id");
  const state = leaseStateOf(lease, now);
  if ((state === "leased" || state === "breaking") && proposed !== lease?.id) {
    throw new StorageError("LeaseAlreadyPresent");
  }
  if (state === "breaking") throw new StorageError("LeaseIsBreakingAndCannotBeAcquired");
  return granted(201, from(now, { id: proposed ?? randomUUID(), duration }));
}

function renewLease(request: StorageRequest, lease: Lease | undefined, now: number): LeaseOutcome {
  const { id, duration } = leaseNamedBy(request, lease);
  const state = leaseStateOf(lease, now);
  if (state === "breaking" || state === "broken") throw new StorageError("LeaseIsBrokenAndCannotBeRenewed");
  return granted(200, from(now, { id, duration }));
}

function changeLease(request: StorageRequest, lease: Lease | undefined, now: number): LeaseOutcome {
  const id = requiredId(request, "x-ms-lease-id");
  const proposed = requiredId(request, "x-ms-proposed-lease-id");
  const state = leaseStateOf(lease, now);
  if (lease === undefined || state === "expired" || state === "broken") {
    throw new StorageError("LeaseNotPresentWithLeaseOperation");
  }
  // A client that did not receive the first response may repeat the request.
  if (id !== lease.id && proposed !== lease.id) throw new StorageError("LeaseIdMismatchWithLeaseOperation");
  if (state === "breaking") throw new StorageError("LeaseIsBreakingAndCannotBeChanged");
  return granted(200, { ...lease, id: proposed });
}

function releaseLease(request: StorageRequest, lease: Lease | undefined): LeaseOutcome {
  leaseNamedBy(request, lease);
  return { lease: undefined, status: 200, headers: {} };
}

function breakLease(request: StorageRequest, lease: Lease | undefined, kind: LeasedKind, now: number): LeaseOutcome {
  const asked = countHeader(request, "x-ms-lease-break-period");
  if (asked !== undefined && (kind === "file" || asked > longestBreak)) invalid("x-ms-lease-break-period");
  const named = leaseIdOf(request, "x-ms-lease-id");
  if (lease === undefined) throw new StorageError("LeaseNotPresentWithLeaseOperation");
  if (named !== undefined && named !== lease.id) throw new StorageError("LeaseIdMismatchWithLeaseOperation");
  // Breaking never extends a lease. A lease that does not expire breaks immediately, unless the request has a break
  // period.
  const naturalEnd = lease.brokenAt ?? lease.endsAt ?? (asked === undefined ? now : Number.POSITIVE_INFINITY);
  const brokenAt = Math.min(naturalEnd, asked === undefined ? Number.POSITIVE_INFINITY : now + asked * 1000);
  const remaining = Math.max(0, Math.ceil((brokenAt - now) / 1000));
  return { lease: { ...lease, brokenAt }, status: 202, headers: { "x-ms-lease-time": String(remaining) } };
}

/** Returns the lease if the request names it, whatever its state. */
function leaseNamedBy(request: StorageRequest, lease: Lease | undefined): Lease {
  const id = requiredId(request, "x-ms-lease-id");
  if (id !== lease?.id) throw new StorageError("LeaseIdMismatchWithLeaseOperation");
  return lease;
}

function granted(status: number, lease: Lease): LeaseOutcome {
  return { lease, status, headers: { "x-ms-lease-id": lease.id } };
}

function from(now: number, lease: { readonly id: string; readonly duration: number }): Lease {
  return lease.duration === forever ? lease : { ...lease, endsAt: now + lease.duration * 1000 };
}

function durationOf(request: StorageRequest, kind: LeasedKind): number {
  const value = request.header("x-ms-lease-duration");
  if (value === undefined) {
    if (kind === "file") return forever;
    throw new StorageError("MissingRequiredHeader", { subject: "x-ms-lease-duration" });
  }
  const duration = /^-?\d{1,3}$/.test(value) ? Number(value) : Number.NaN;
  const allowed = duration === forever || (kind === "share" && duration >= 15 && duration <= 60);
  return allowed ? duration : invalid("x-ms-lease-duration");
}

function requiredId(request: StorageRequest, header: string): string {
  const id = leaseIdOf(request, header);
  if (id === undefined) throw new StorageError("MissingRequiredHeader", { subject: header });
  return id;
}

/**
 * Returns a lease ID in the stored form. Clients may send a GUID in any form of .NET: with dashes, braces, parentheses
 * or only digits.
 */
function leaseIdOf(request: StorageRequest, header: string): string | undefined {
  const value = request.header(header);
  if (value === undefined) return undefined;
  const [, digits] = /^[{(]?([0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12})[)}]?$/.exec(value.toLowerCase()) ?? [];
  if (digits === undefined) invalid(header);
  return digits.replaceAll("-", "").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
