import { StorageError } from "../../errors.ts";
import { invalid, metadataOf } from "../../http/headers.ts";
import { actOnLease, describeLease, leaseHeadersRead } from "../../http/leases.ts";
import { retentionDaysOf } from "../../records/serviceProperties.ts";
import { deleteShare, restoreShare } from "../../shares/deletedShares.ts";
import type { Share } from "../../shares/share.ts";
import { deleteSnapshot, isSnapshot, snapshotsOf, takeSnapshot } from "../../shares/snapshots.ts";
import { respond } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import type { StorageOperation } from "../operation.ts";
import { shareOf } from "../target.ts";
import { leasedShareOf, leaseOn, onShare, shareVersion, waitForDisk } from "./state.ts";

async function snapshotShare(exchange: Exchange): Promise<void> {
  const metadata = metadataOf(exchange.request);
  waitForDisk(exchange);
  const snapshot = await takeSnapshot(exchange.storage, shareOf(exchange), metadata);
  respond(exchange, 201, { ...shareVersion(exchange, snapshot), "x-ms-snapshot": snapshot.snapshot });
}

async function deleteShareOrSnapshot(exchange: Exchange): Promise<void> {
  const { request, storage } = exchange;
  const share = leasedShareOf(exchange, true);
  waitForDisk(exchange);
  const withSnapshots = request.header("x-ms-delete-snapshots")?.toLowerCase();
  if (![undefined, "include", "include-leased"].includes(withSnapshots)) invalid("x-ms-delete-snapshots");
  if (isSnapshot(share)) {
    if (withSnapshots !== undefined) invalid("x-ms-delete-snapshots");
    await deleteSnapshot(storage, share);
  } else {
    checkSnapshots(exchange, share, withSnapshots);
    await deleteShare(storage, share, retentionDaysOf(storage, request.account));
  }
  respond(exchange, 202, {});
}

function checkSnapshots(exchange: Exchange, share: Share, withSnapshots: string | undefined): void {
  const snapshots = snapshotsOf(exchange.storage, share);
  if (snapshots.length > 0 && withSnapshots === undefined) throw new StorageError("ShareHasSnapshots");
  const isLeased = snapshots.some((snapshot) => describeLease(leaseOn(exchange, snapshot)).status === "locked");
  if (isLeased && withSnapshots === "include") throw new StorageError("DeleteShareWhenSnapshotLeased");
}

async function undeleteShare(exchange: Exchange): Promise<void> {
  const { request, storage } = exchange;
  const name = request.header("x-ms-deleted-share-name");
  const version = request.header("x-ms-deleted-share-version");
  if (name === undefined || version === undefined) {
    const subject = name === undefined ? "x-ms-deleted-share-name" : "x-ms-deleted-share-version";
    throw new StorageError("MissingRequiredHeader", { subject });
  }
  // A share is restored under its own name, so the URL and the header must agree.
  if (name !== request.share) invalid("x-ms-deleted-share-name");
  const share = await restoreShare(storage, { accountName: request.account, shareName: name }, version);
  respond(exchange, 201, shareVersion(exchange, share));
}

function leaseShare(exchange: Exchange): void {
  const { request, storage } = exchange;
  const share = shareOf(exchange);
  const { lease, status, headers } = actOnLease(request, leaseOn(exchange, share), "share");
  storage.properties.setLease(share, share.identity, lease);
  respond(exchange, status, { ...shareVersion(exchange, share), ...headers });
}

/** Operations on the lifetime of shares, their snapshots and their leases. */
export const shareLifetimeOperations: readonly StorageOperation[] = [
  {
    ...onShare,
    methods: ["PUT"],
    comp: "snapshot",
    permissions: "cw",
    takesMetadata: true,
    entersGate: true,
    run: snapshotShare,
  },
  {
    ...onShare,
    methods: ["DELETE"],
    permissions: "d",
    headers: ["x-ms-delete-snapshots", "x-ms-lease-id"],
    takesSnapshot: true,
    run: deleteShareOrSnapshot,
  },
  {
    ...onShare,
    methods: ["PUT"],
    comp: "undelete",
    permissions: "w",
    headers: ["x-ms-deleted-share-name", "x-ms-deleted-share-version"],
    run: undeleteShare,
  },
  {
    ...onShare,
    methods: ["PUT"],
    comp: "lease",
    permissions: "wd",
    headers: leaseHeadersRead,
    takesSnapshot: true,
    run: leaseShare,
  },
];
