import { StorageError } from "../../errors.ts";
import { describeLease } from "../../http/leases.ts";
import { cutPage, includes, pageRequestOf } from "../../http/paging.ts";
import { describeShare } from "../../http/responseHeaders.ts";
import { toXml } from "../../http/xml.ts";
import type { Metadata, ShareProperties } from "../../records/properties.ts";
import { deletedShares } from "../../shares/deletedShares.ts";
import type { DeletedShare } from "../../shares/deletedShares.ts";
import type { Share } from "../../shares/share.ts";
import { snapshotsOf } from "../../shares/snapshots.ts";
import { httpDate } from "../../times.ts";
import { respondXml } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import type { StorageOperation } from "../operation.ts";
import { leaseOn, sharePropertiesOf } from "./state.ts";

/** Elements of an entry of the list. For each name, snapshots come before the share, and deleted shares come last. */
type Listed = () => object[];

const knownIncludes = new Set(["", "metadata", "snapshots", "deleted"]);

function listShares(exchange: Exchange): void {
  const { request } = exchange;
  const prefix = request.query.get("prefix") ?? "";
  const wanted = pageRequestOf(request);
  const found = entriesOf(exchange, prefix);
  const page = cutPage([...found.keys()].filter((key) => key > wanted.after).sort(), wanted);
  const xml = toXml("EnumerationResults", {
    $: { ServiceEndpoint: `${exchange.accountUrl}/` },
    Prefix: prefix,
    Marker: request.query.get("marker") ?? "",
    MaxResults: request.query.get("maxresults") ?? "5000",
    Shares: { Share: page.keys.flatMap((key) => found.get(key)?.() ?? []) },
    NextMarker: page.nextMarker,
  });
  respondXml(exchange, xml);
}

/** Returns the entries of the list by sort key. Each entry is read only when its page is written. */
function entriesOf(exchange: Exchange, prefix: string): Map<string, Listed> {
  const { request, storage } = exchange;
  const wanted = includes(request);
  if (![...wanted].every((word) => knownIncludes.has(word))) {
    throw new StorageError("InvalidQueryParameterValue", { subject: "include" });
  }
  const accountName = request.account;
  const withMetadata = wanted.has("metadata");
  const entries = new Map<string, Listed>();
  for (const shareName of storage.shareNames(accountName).filter((name) => name.startsWith(prefix))) {
    const find = (): Share[] => [storage.findShare({ accountName, shareName })].flatMap((share) => share ?? []);
    entries.set(listKey(shareName, 1), () => find().map((share) => shareItem(exchange, share, withMetadata)));
    for (const snapshot of wanted.has("snapshots") ? find().flatMap((share) => snapshotsOf(storage, share)) : []) {
      entries.set(listKey(shareName, 0, snapshot.snapshot), () => [shareItem(exchange, snapshot, withMetadata)]);
    }
  }
  for (const deleted of wanted.has("deleted") ? deletedShares(storage, accountName) : []) {
    if (!deleted.shareName.startsWith(prefix)) continue;
    const key = listKey(deleted.shareName, 2, deleted.version);
    entries.set(key, () => [deletedItem(deleted, storage.properties.share(deleted), withMetadata)]);
  }
  return entries;
}

function listKey(shareName: string, rank: number, detail = ""): string {
  return `${shareName}\u0000${rank}${detail}`;
}

function shareItem(exchange: Exchange, share: Share, withMetadata: boolean): object {
  const properties = sharePropertiesOf(exchange, share);
  const description = describeShare(share, properties);
  const lease = describeLease(leaseOn(exchange, share));
  return {
    Name: share.shareName,
    ...(share.snapshot === undefined ? {} : { Snapshot: share.snapshot }),
    Properties: {
      "Last-Modified": description.lastModified,
      Etag: description.etag,
      Quota: description.quota,
      ...tierElements(properties),
      LeaseStatus: lease.status,
      LeaseState: lease.state,
      ...(lease.duration === undefined ? {} : { LeaseDuration: lease.duration }),
      EnabledProtocols: "SMB",
    },
    ...metadataElement(properties.metadata, withMetadata),
  };
}

function deletedItem(share: DeletedShare, properties: ShareProperties, withMetadata: boolean): object {
  const description = describeShare({ ...share, stat: { birthtime: share.deletedOn } }, properties);
  return {
    Name: share.shareName,
    Deleted: "true",
    Version: share.version,
    Properties: {
      "Last-Modified": description.lastModified,
      Etag: description.etag,
      Quota: description.quota,
      ...tierElements(properties),
      LeaseStatus: "unlocked",
      LeaseState: "available",
      EnabledProtocols: "SMB",
      DeletedTime: httpDate(share.deletedOn.getTime()),
      RemainingRetentionDays: String(share.remainingDays),
    },
    ...metadataElement(properties.metadata, withMetadata),
  };
}

function tierElements({ tier }: ShareProperties): object {
  if (tier === undefined) return {};
  return { AccessTier: tier.name, AccessTierChangeTime: httpDate(Date.parse(tier.changedOn)) };
}

function metadataElement(metadata: Metadata | undefined, isWanted: boolean): object {
  return isWanted ? { Metadata: Object.fromEntries(metadata ?? []) } : {};
}

/** The operation that lists the shares of an account. */
export const shareListing: StorageOperation = {
  level: "service",
  resourceType: "s",
  methods: ["GET"],
  comp: "list",
  permissions: "l",
  run: listShares,
};
