import { StorageError } from "../../errors.ts";
import { describeLease } from "../../http/leases.ts";
import { cutPage, includes, pageRequestOf } from "../../http/paging.ts";
import { describeShare } from "../../http/responseHeaders.ts";
import { toXml } from "../../http/xml.ts";
import type { Metadata, ShareProperties } from "../../records/properties.ts";
import { deletedShares, namesOfDeleted } from "../../shares/deletedShares.ts";
import type { DeletedShare } from "../../shares/deletedShares.ts";
import type { Share } from "../../shares/share.ts";
import { snapshotsOf } from "../../shares/snapshots.ts";
import { httpDate } from "../../times.ts";
import { respondXml } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import type { StorageOperation } from "../operation.ts";
import { leaseOn, sharePropertiesOf } from "./state.ts";

/** An entry of the list: its sort key, and its element. */
interface Listed {
  readonly key: string;
  readonly item: () => object;
}

const knownIncludes = new Set(["", "metadata", "snapshots", "deleted"]);

function listShares(exchange: Exchange): void {
  const { request } = exchange;
  const prefix = request.query.get("prefix") ?? "";
  const wanted = pageRequestOf(request);
  const found = new Map<string, Listed>();
  for (const entry of entriesAfter(exchange, prefix, wanted.after)) {
    found.set(entry.key, entry);
    if (found.size > wanted.size) break;
  }
  const page = cutPage([...found.keys()], wanted);
  const xml = toXml("EnumerationResults", {
    $: { ServiceEndpoint: `${exchange.accountUrl}/` },
    Prefix: prefix,
    Marker: request.query.get("marker") ?? "",
    MaxResults: request.query.get("maxresults") ?? "5000",
    Shares: { Share: page.keys.flatMap((key) => found.get(key)?.item() ?? []) },
    NextMarker: page.nextMarker,
  });
  respondXml(exchange, xml);
}

/**
 * Yields the entries of the list that follow `after`, in order: for each name, snapshots come before the share, and
 * deleted shares come last. Reads only what is taken.
 */
function* entriesAfter(exchange: Exchange, prefix: string, after: string): Generator<Listed> {
  const { request, storage } = exchange;
  const wanted = includes(request);
  if (![...wanted].every((word) => knownIncludes.has(word))) {
    throw new StorageError("InvalidQueryParameterValue", { subject: "include" });
  }
  const { account } = request;
  const deletedNames = wanted.has("deleted") ? namesOfDeleted(storage, account) : [];
  const [lastName = ""] = after.split("\u0000");
  const names = [...new Set([...storage.shareNames(account), ...deletedNames])]
    .filter((name) => name.startsWith(prefix) && name >= lastName)
    .sort();
  for (const name of names) {
    for (const entry of entriesOf(exchange, name, wanted)) if (entry.key > after) yield entry;
  }
}

/** Yields the entries with a name, in order. */
function* entriesOf(exchange: Exchange, shareName: string, wanted: ReadonlySet<string>): Generator<Listed> {
  const { request, storage } = exchange;
  const address = { accountName: request.account, shareName };
  const withMetadata = wanted.has("metadata");
  const share = storage.findShare(address);
  for (const snapshot of share !== undefined && wanted.has("snapshots") ? snapshotsOf(storage, share) : []) {
    const key = listKey(shareName, 0, snapshot.snapshot);
    yield { key, item: () => shareItem(exchange, snapshot, withMetadata) };
  }
  if (share !== undefined) {
    yield { key: listKey(shareName, 1), item: () => shareItem(exchange, share, withMetadata) };
  }
  for (const deleted of wanted.has("deleted") ? deletedShares(storage, address) : []) {
    const key = listKey(shareName, 2, deleted.version);
    yield { key, item: () => deletedItem(deleted, storage.properties.share(deleted), withMetadata) };
  }
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
