import { versionHeaders } from "../description.ts";
import { StorageError } from "../errors.ts";
import { rangeHeader, rangeToRead } from "../ranges.ts";
import type { ByteRange } from "../ranges.ts";
import type { StorageRequest } from "../request.ts";
import { toXml } from "../xml.ts";
import { leaseHeader, withEntry } from "./entries.ts";
import { fileTarget } from "./files.ts";
import { answerXml } from "./operation.ts";
import type { Exchange, Operation } from "./operation.ts";

/** A part of a file that was written, or that is a hole where an older state had none. */
interface ListedRange extends ByteRange {
  readonly isHole: boolean;
}

async function listRanges(exchange: Exchange): Promise<void> {
  const { request, response, storage } = exchange;
  await withEntry(exchange, fileTarget(exchange), "read", (entry) => {
    const { stat, properties } = entry;
    const size = Number(stat.size);
    const header = rangeHeader(request);
    const wanted = header === undefined || size === 0 ? { start: 0, end: size - 1 } : rangeToRead(header, size);
    const all = storage.written.of(stat).map((range) => ({ ...range, isHole: false }));
    const { page, nextMarker } = pageOf(request, clip(all, wanted));
    for (const [name, value] of Object.entries(versionHeaders(stat, properties))) response.setHeader(name, value);
    response.setHeader("x-ms-content-length", size);
    answerXml(
      exchange,
      toXml("Ranges", {
        Range: page.filter(({ isHole }) => !isHole).map(element),
        ClearRange: page.filter(({ isHole }) => isHole).map(element),
        ...(request.query.has("maxresults") || request.query.has("marker") ? { NextMarker: nextMarker } : {}),
      }),
    );
  });
}

function element({ start, end }: ByteRange): object {
  return { Start: start, End: end };
}

/** What of the ranges lies in `wanted`. */
function clip(ranges: readonly ListedRange[], wanted: ByteRange): ListedRange[] {
  return ranges
    .filter(({ start, end }) => end >= wanted.start && start <= wanted.end)
    .map((range) => ({
      ...range,
      start: Math.max(range.start, wanted.start),
      end: Math.min(range.end, wanted.end),
    }));
}

/** A marker is the position behind the last range that the client has seen. */
function pageOf(request: StorageRequest, ranges: readonly ListedRange[]): { page: ListedRange[]; nextMarker: string } {
  const after = positionOf(request, "marker") ?? 0;
  const size = positionOf(request, "maxresults") ?? Number.POSITIVE_INFINITY;
  if (size === 0) throw new StorageError("OutOfRangeQueryParameterValue", { subject: "maxresults" });
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

/** Telling written parts of a file from holes. */
export const rangeListOperations: readonly Operation[] = [
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
