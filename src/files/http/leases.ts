import { randomUUID } from "node:crypto";
import { StorageError } from "../errors.ts";
import type { StorageErrorCode } from "../errors.ts";
import type { Lease } from "../records/lease.ts";
import { countHeader, invalid } from "./headers.ts";
import type { StorageRequest } from "./request.ts";

/** Where a lease stands. */
export type LeaseState = "available" | "leased" | "expired" | "breaking" | "broken";

/** What is leased: files know only leases without end, and their errors have names of their own. */
export type LeasedKind = "share" | "file";

/** What a lease operation leads to: the lease to store (undefined: none) and the answer. */
export interface LeaseOutcome {
  readonly lease: Lease | undefined;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a request other than a lease operation wants to do with something that may be leased. */
export interface LeaseUse {
  readonly kind: LeasedKind;
  /** Whether a lease keeps others away from it; they may do everything else as long as they name no wrong lease. */
  readonly needsLease: boolean;
}

/** Header by which a request names the lease that it holds. */
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

/** State of a lease, or of something that has none. */
export function leaseStateOf(lease: Lease | undefined, now = Date.now()): LeaseState {
  if (lease === undefined) return "available";
  if (lease.brokenAt !== undefined) return now < lease.brokenAt ? "breaking" : "broken";
  return lease.endsAt !== undefined && now >= lease.endsAt ? "expired" : "leased";
}

/** The state of a lease in words: as headers, and as the elements of listings. */
export interface LeaseDescription {
  readonly status: "locked" | "unlocked";
  readonly state: LeaseState;
  /** Only while the lease is held. */
  readonly duration?: "infinite" | "fixed";
}

/** Describes a lease, or that there is none. */
export function describeLease(lease: Lease | undefined, now = Date.now()): LeaseDescription {
  const state = leaseStateOf(lease, now);
  const status = state === "leased" || state === "breaking" ? "locked" : "unlocked";
  if (state !== "leased") return { status, state };
  return { status, state, duration: lease?.duration === forever ? "infinite" : "fixed" };
}

/** Response headers that tell of a lease. */
export function leaseHeaders(lease: Lease | undefined, now = Date.now()): Record<string, string> {
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

/** Throws when a lease stands against what a request wants to do, or the request names a lease that is not there. */
export function checkLease(request: StorageRequest, lease: Lease | undefined, use: LeaseUse, now = Date.now()): void {
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
 * Carries out the lease operation that the request's headers ask for, on a lease that the caller has read and will
 * store. Throws the service's error when the state of the lease does not allow it.
 */
export function actOnLease(
  request: StorageRequest,
  lease: Lease | undefined,
  kind: LeasedKind,
  now = Date.now(),
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
  // A client whose first attempt went through without an answer may ask again.
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
  // A lease never lasts longer for being broken; one without end breaks at once unless a period is asked for.
  const naturalEnd = lease.brokenAt ?? lease.endsAt ?? (asked === undefined ? now : Number.POSITIVE_INFINITY);
  const brokenAt = Math.min(naturalEnd, asked === undefined ? Number.POSITIVE_INFINITY : now + asked * 1000);
  const remaining = Math.max(0, Math.ceil((brokenAt - now) / 1000));
  return { lease: { ...lease, brokenAt }, status: 202, headers: { "x-ms-lease-time": String(remaining) } };
}

/** The lease, if the request names it; whether it still holds does not matter. */
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

/** A GUID in one of .NET's forms (dashes, braces, parentheses or bare digits), as the form that is stored. */
function leaseIdOf(request: StorageRequest, header: string): string | undefined {
  const value = request.header(header);
  if (value === undefined) return undefined;
  const [, digits] = /^[{(]?([0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12})[)}]?$/.exec(value.toLowerCase()) ?? [];
  if (digits === undefined) invalid(header);
  return digits.replaceAll("-", "").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
