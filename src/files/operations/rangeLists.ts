import { wholeFile } from "../disk/byteRanges.ts";
import type { ByteRange } from "../disk/byteRanges.ts";
import { statOf, withDescriptor } from "../disk/descriptor.ts";
import { differencesOf } from "../disk/rangeDiff.ts";
import type { FileState, ListedRange } from "../disk/rangeDiff.ts";
import { openPlace } from "../disk/tree.ts";
import type { Place } from "../disk/tree.ts";
import { StorageError } from "../errors.ts";
import { leaseHeader } from "../http/leases.ts";
import { rangeHeader, rangeToRead } from "../http/rangeHeaders.ts";
import type { StorageRequest } from "../http/request.ts";
import { versionHeaders } from "../http/responseHeaders.ts";
import { toXml } from "../http/xml.ts";
import { findSnapshot } from "../shares/snapshots.ts";
import { withEntry } from "./entry.ts";
import { respondXml } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { StorageOperation } from "./operation.ts";
import { fileTarget, placeIn } from "./target.ts";

async function listRanges(exchange: Exchange): Promise<void> {
  const { request } = exchange;
  await withEntry(exchange, fileTarget(exchange), "read", async ({ descriptor, stat, properties }) => {
    const size = Number(stat.size);
    const header = rangeHeader(request);
    const wanted = header === undefined || size === 0 ? wholeFile(size) : rangeToRead(header, size);
    const asked = pageRequestOf(request);
    const rest = { start: Math.max(wanted.start, asked.after), end: wanted.end };
    const all = await listedRanges(exchange, descriptor, rest, asked.size + 1);
    const { page, nextMarker } = pageOf(asked, clip(all, wanted));
    const xml = toXml("Ranges", {
      Range: page.filter(({ isHole }) => !isHole).map(element),
      ClearRange: page.filter(({ isHole }) => isHole).map(element),
      ...(request.query.has("maxresults") || request.query.has("marker") ? { NextMarker: nextMarker } : {}),
    });
    respondXml(exchange, xml, { ...versionHeaders(stat, properties), "x-ms-content-length": String(size) });
  });
}

/**
 * Returns the first written ranges of a part of a file, or all ranges that differ from the snapshot in the request.
 */
async function listedRanges(
  exchange: Exchange,
  descriptor: number,
  part: ByteRange,
  limit: number,
): Promise<ListedRange[]> {
  const time = exchange.request.query.get("prevsharesnapshot");
  const place = time === undefined ? undefined : previousPlace(exchange, time);
  if (place?.stat?.isFile() !== true) {
    const written = exchange.storage.written.someOf(statOf(descriptor), part, limit);
    return written.map((range) => ({ ...range, isHole: false }));
  }
  const current = fileStateOf(exchange, descriptor);
  return withDescriptor(openPlace(place, "read"), (previous) =>
    differencesOf(current, fileStateOf(exchange, previous)),
  );
}

function fileStateOf({ storage }: Exchange, descriptor: number): FileState {
  const stat = statOf(descriptor);
  return { descriptor, size: Number(stat.size), written: storage.written.of(stat) };
}

/** Returns the place of the file in a snapshot. */
function previousPlace({ request, storage }: Exchange, time: string): Place {
  const share = storage.share({ accountName: request.account, shareName: request.share ?? "" });
  const snapshot = findSnapshot(storage, share, time);
  if (snapshot === undefined) throw new StorageError("PreviousSnapshotNotFound");
  return placeIn(snapshot, request);
}

function element({ start, end }: ByteRange): object {
  return { Start: start, End: end };
}

/** Returns the parts of ranges that are in `wanted`. */
function clip(ranges: readonly ListedRange[], wanted: ByteRange): ListedRange[] {
  return ranges
    .filter(({ start, end }) => end >= wanted.start && start <= wanted.end)
    .map((range) => ({
      ...range,
      start: Math.max(range.start, wanted.start),
      end: Math.min(range.end, wanted.end),
    }));
}

/** The page of ranges that a request wants. A marker is the position after the last range of a page. */
interface PageRequest {
  readonly after: number;
  readonly size: number;
}

function pageRequestOf(request: StorageRequest): PageRequest {
  const after = positionOf(request, "marker") ?? 0;
  const size = positionOf(request, "maxresults") ?? Number.MAX_SAFE_INTEGER - 1;
  if (size === 0) throw new StorageError("OutOfRangeQueryParameterValue", { subject: "maxresults" });
  return { after, size };
}

/** Returns a page of ranges. A range that begins before the page was on an earlier one. */
function pageOf(
  { after, size }: PageRequest,
  ranges: readonly ListedRange[],
): { page: ListedRange[]; nextMarker: string } {
  const rest = ranges.filter(({ start }) => start >= after);
  const page = rest.slice(0, size);
  const last = page.at(-1);
  return { page, nextMarker: last !== undefined && page.length < rest.length ? String(last.end + 1) : "" };
}

function positionOf(request: StorageRequest, parameter: string): number | undefined {
  const text = request.query.get(parameter) ?? "";
  if (text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new StorageError("InvalidQueryParameterValue", { subject: parameter });
  return Number(text);
}

/** Operations that tell the written parts of a file from holes. */
export const rangeListOperations: readonly StorageOperation[] = [
  {
    level: "file",
    resourceType: "o",
    methods: ["GET"],
    comp: "rangelist",
    permissions: "r",
    headers: [leaseHeader, "x-ms-range", "x-ms-file-support-rename"],
    run: listRanges,
  },
];
