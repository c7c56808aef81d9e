import { randomUUID } from "node:crypto";
import { ftruncateSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { copyContent } from "../disk/content.ts";
import { statOf, withDescriptor } from "../disk/descriptor.ts";
import { openDraft } from "../disk/drafts.ts";
import { identityOf } from "../disk/identity.ts";
import { openPlace, requireFile } from "../disk/tree.ts";
import { StorageError } from "../errors.ts";
import { toStorageError } from "../failures.ts";
import { flagHeader, invalid, metadataOf, smbHeadersRead, smbPropertiesOf } from "../http/headers.ts";
import { leaseHeader } from "../http/leases.ts";
import type { StorageRequest } from "../http/request.ts";
import { attributesOf, changeTimeOf, creationTimeOf } from "../http/responseHeaders.ts";
import { originalState } from "../records/originalState.ts";
import { permissionOf, savePermission } from "../records/permissions.ts";
import type { FileCopy, FileProperties } from "../records/properties.ts";
import type { CopyTask } from "../shares/copies.ts";
import type { Share } from "../shares/share.ts";
import { millisecondsOf, ticks } from "../times.ts";
import { currentHeaders, filePropertiesOf } from "./entryProperties.ts";
import type { StoredTimes } from "./entryProperties.ts";
import { respond } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { StorageOperation } from "./operation.ts";
import { checkReplaceable, notYetKnown, placeDraft, publish, withDraft } from "./publishing.ts";
import { withoutSmbDefaults, withSmbProperties } from "./smbProperties.ts";
import { publicUrl, sourceOf } from "./sources.ts";
import { fileTarget, targetOf } from "./target.ts";
import type { Target } from "./target.ts";

/** Copies up to this size, in bytes, complete before the response. */
const largestPromptCopy = 16 * 1024 * 1024;

/** A copy to make. */
interface Plan {
  readonly exchange: Exchange;
  readonly source: Target;
  readonly stat: BigIntStats;
  readonly copy: FileCopy;
  readonly properties: FileProperties;
  readonly times: StoredTimes;
}

async function startCopy(exchange: Exchange): Promise<void> {
  const found = sourceOf(exchange, "x-ms-copy-source", "r");
  const source = { ...found, place: requireFile(found.place) };
  const target = targetOf(exchange);
  checkReplaceable(exchange, target);
  const plan = planOf(exchange, source, target.share);
  if (plan.copy.size <= largestPromptCopy) await copyAtOnce(plan);
  else await copyLater(plan);
}

function planOf(exchange: Exchange, source: Target, share: Share): Plan {
  const { request } = exchange;
  const { stat } = requireFile(source.place);
  const original = filePropertiesOf(exchange, source.share, stat);
  const smb = withoutSmbDefaults(smbPropertiesOf(withSourceValues(request, stat, original)));
  const metadata = metadataOf(request);
  const { permissionKey: _, changeTime: _changeTime, copy: _copy, createdOn: _createdOn, ...rest } = original;
  const { original: _inSnapshot, ...kept } = rest;
  const asked = { ...kept, attributes: undefined, ...(metadata.length === 0 ? {} : { metadata }) };
  const properties = withArchive(request, withSmbProperties(exchange, share, asked, smb));
  const permissionKey = copiedPermission(exchange, source.share, share, original.permissionKey);
  return {
    exchange,
    source,
    stat,
    copy: {
      id: randomUUID(),
      source: publicUrl(exchange, "x-ms-copy-source"),
      status: "pending",
      size: Number(stat.size),
    },
    properties: {
      ...properties,
      ...(permissionKey === undefined ? {} : { permissionKey }),
      contentMd5:
        original.contentMd5?.modified === String(originalState(stat, original).mtimeNs)
          ? { ...original.contentMd5, modified: notYetKnown }
          : undefined,
    },
    times: { ...smb, lastWriteOn: smb.lastWriteOn ?? "now" },
  };
}

/** Returns the key of the source's security descriptor in the share of the copy, if the request wants it copied. */
function copiedPermission({ request, storage }: Exchange, from: Share, to: Share, key?: string): string | undefined {
  const mode = request.header("x-ms-file-permission-copy-mode")?.toLowerCase() ?? "override";
  if (mode !== "source" && mode !== "override") invalid("x-ms-file-permission-copy-mode");
  if (mode === "override" || key === undefined) return undefined;
  return savePermission(storage.properties, to, permissionOf(storage.properties, from, key));
}

/** Returns a request in which SMB properties with the value `source` have the values of the source. */
function withSourceValues(request: StorageRequest, stat: BigIntStats, original: FileProperties): StorageRequest {
  const values: Readonly<Record<string, string>> = {
    "x-ms-file-attributes": attributesOf(stat, original),
    "x-ms-file-creation-time": creationTimeOf(stat, original),
    "x-ms-file-last-write-time": ticks(millisecondsOf(originalState(stat, original).mtimeNs)),
    "x-ms-file-change-time": changeTimeOf(stat, original),
  };
  const header = (name: string): string | undefined => {
    const value = request.header(name);
    return value?.toLowerCase() === "source" ? (values[name] ?? value) : value;
  };
  return { ...request, header };
}

function withArchive(request: StorageRequest, properties: FileProperties): FileProperties {
  if (!flagHeader(request, "x-ms-file-copy-set-archive") || properties.attributes === undefined) return properties;
  const words = properties.attributes.split(" | ").filter((word) => !["Archive", "None"].includes(word));
  return { ...properties, attributes: [...words, "Archive"].join(" | ") };
}

async function copyAtOnce(plan: Plan): Promise<void> {
  const { exchange } = plan;
  const target = targetOf(exchange);
  await withDraft(openDraft(target.share, target.place), async (draft) => {
    await copyInto(plan, draft.descriptor, { signal: new AbortController().signal, progress: () => undefined });
    const published = publish(exchange, draft, finished(plan));
    accept(exchange, published, draft.descriptor, { ...plan.copy, status: "success" });
  });
}

/** Creates an empty file at the destination, which shows the status of the copy until it is complete. */
async function copyLater(plan: Plan): Promise<void> {
  const { exchange, copy } = plan;
  const target = targetOf(exchange);
  await withDraft(openDraft(target.share, target.place), (draft) => {
    const properties = { ...plan.properties, contentMd5: undefined, copy };
    const published = publish(exchange, draft, { written: [], properties, times: plan.times });
    const identity = identityOf(statOf(draft.descriptor));
    exchange.storage.copies.start(identity, copy.id, (task) => copyInBackground(plan, identity, task));
    accept(exchange, published, draft.descriptor, copy);
    return Promise.resolve();
  });
}

async function copyInBackground(plan: Plan, placeholder: string, task: CopyTask): Promise<void> {
  const { exchange, copy } = plan;
  const { share, place } = targetOf(exchange);
  const isInPlace = (target: Target): boolean =>
    target.place.stat !== undefined && identityOf(target.place.stat) === placeholder;
  try {
    await withDraft(openDraft(share, place), async (draft) => {
      await copyInto(plan, draft.descriptor, task);
      const target = targetOf(exchange);
      if (isInPlace(target)) placeDraft(exchange, target, draft, finished(plan));
    });
  } catch (error) {
    // If the service stops, the copy stays pending in the database, and is reported as failed from then on.
    if (task.signal.aborted && task.signal.reason !== abortedByClient) return;
    const ended = task.signal.aborted
      ? { status: "aborted" as const }
      : { status: "failed" as const, description: toStorageError(error).message };
    const properties = exchange.storage.properties.file(share, placeholder);
    const completedOn = new Date().toISOString();
    exchange.storage.properties.setFile(share, placeholder, {
      ...properties,
      copy: { ...copy, ...ended, completedOn },
    });
  }
}

/** Reason of a stop by a client. */
const abortedByClient = "A client aborted the copy.";

async function copyInto(
  { exchange, source, stat }: Plan,
  draft: number,
  { signal, progress }: CopyTask,
): Promise<void> {
  await withDescriptor(openPlace(source.place, "read"), async (descriptor) => {
    const current = statOf(descriptor);
    const refuseChanged = (now: BigIntStats): void => {
      if (now.size !== stat.size || now.mtimeNs !== stat.mtimeNs) throw new StorageError("SharingViolation");
    };
    refuseChanged(current);
    ftruncateSync(draft, 0);
    ftruncateSync(draft, Number(current.size));
    for (const range of exchange.storage.written.of(current)) {
      await copyContent(descriptor, draft, range, (bytes) => {
        signal.throwIfAborted();
        progress(bytes);
      });
    }
    refuseChanged(statOf(descriptor));
  });
}

function finished({ exchange, copy, properties, stat, times }: Plan): Parameters<typeof publish>[2] {
  return {
    written: exchange.storage.written.of(stat),
    properties: { ...properties, copy: { ...copy, status: "success", completedOn: new Date().toISOString() } },
    times,
  };
}

function accept(exchange: Exchange, target: Target, descriptor: number, { id, status }: FileCopy): void {
  const { etag = "", "last-modified": lastModified = "" } = currentHeaders(exchange, target, descriptor);
  respond(exchange, 202, { etag, "last-modified": lastModified, "x-ms-copy-id": id, "x-ms-copy-status": status });
}

async function abortCopy(exchange: Exchange): Promise<void> {
  const { request, storage } = exchange;
  if (request.header("x-ms-copy-action")?.toLowerCase() !== "abort") invalid("x-ms-copy-action");
  const { place } = fileTarget(exchange);
  const identity = identityOf(requireFile(place).stat);
  const id = storage.copies.idOf(identity);
  if (id === undefined) throw new StorageError("NoPendingCopyOperation");
  if (id !== request.query.get("copyid")) throw new StorageError("CopyIdMismatch");
  await storage.copies.stop(identity, abortedByClient);
  respond(exchange, 204, {});
}

const onFile = { level: "file", resourceType: "o", methods: ["PUT"] } as const;

/** Operations that copy files within the endpoint. */
export const copyOperations: readonly StorageOperation[] = [
  {
    ...onFile,
    hasSource: true,
    permissions: "cw",
    headers: [
      leaseHeader,
      "x-ms-copy-source",
      "x-ms-source-allow-trailing-dot",
      "x-ms-type",
      "x-ms-file-permission-copy-mode",
      "x-ms-file-copy-ignore-readonly",
      "x-ms-file-copy-set-archive",
      ...smbHeadersRead,
    ],
    takesMetadata: true,
    run: startCopy,
  },
  { ...onFile, comp: "copy", permissions: "w", headers: [leaseHeader, "x-ms-copy-action"], run: abortCopy },
];
