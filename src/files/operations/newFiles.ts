import { fstatSync, ftruncateSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import type { ByteRange } from "../disk/byteRanges.ts";
import { writeAll } from "../disk/content.ts";
import { openDraft, openInPlace } from "../disk/drafts.ts";
import type { Draft } from "../disk/drafts.ts";
import { identityOf } from "../disk/identity.ts";
import { StorageError } from "../errors.ts";
import { checkConditions } from "../http/conditions.ts";
import {
  contentHeadersOf,
  contentHeadersRead,
  contentMd5Of,
  flagHeader,
  metadataOf,
  smbHeadersRead,
  smbPropertiesOf,
} from "../http/headers.ts";
import { checkLease } from "../http/leases.ts";
import type { StorageRequest } from "../http/request.ts";
import { uploadLength, withUpload } from "../http/uploads.ts";
import type { FileProperties } from "../records/properties.ts";
import {
  checkedKnown,
  currentHeaders,
  forget,
  leaseHeader,
  refuseReadOnly,
  setLastWriteTime,
  store,
  targetOf,
  withDescriptor,
  withoutDefaults,
  withSmb,
} from "./entries.ts";
import type { StoredTimes, Target } from "./entries.ts";
import { fileSizeOf } from "./files.ts";
import { answer } from "./operation.ts";
import type { Exchange, Operation } from "./operation.ts";

/** Which bytes of a new file were written, and what is to be stored with it. */
export interface NewFile {
  readonly written: readonly ByteRange[];
  readonly properties: FileProperties;
  readonly times: StoredTimes;
}

async function createOrReplaceFile(exchange: Exchange): Promise<void> {
  const { request } = exchange;
  const size = fileSizeOf(request);
  if (size === undefined) throw new StorageError("MissingRequiredHeader", { subject: "x-ms-content-length" });
  const written = contentLengthOf(request, size);
  const smb = withoutDefaults(smbPropertiesOf(request));
  const target = targetOf(exchange);
  checkReplaceable(exchange, target);
  const properties = newProperties(exchange, target, smb);
  const draft = written === 0 && target.place.stat === undefined ? openInPlace(target.place) : undefined;
  await withDraft(draft ?? openDraft(target.share, target.place), async (opened) => {
    await receive(exchange, opened, size, written);
    const times = { ...smb, lastWriteOn: smb.lastWriteOn ?? "now" } as const;
    const published = publish(exchange, opened, {
      written: written === 0 ? [] : [{ start: 0, end: written - 1 }],
      properties,
      times,
    });
    answer(exchange, 201, {
      ...currentHeaders(exchange, published, opened.descriptor),
      ...md5Header(request),
      "x-ms-request-server-encrypted": "false",
    });
  });
}

function contentLengthOf(request: StorageRequest, size: number): number {
  if (request.header("content-length") === undefined) return 0;
  const length = uploadLength(request);
  if (length > size) throw new StorageError("InvalidHeaderValue", { subject: "Content-Length" });
  return length;
}

function newProperties(exchange: Exchange, { share }: Target, smb: ReturnType<typeof smbPropertiesOf>): FileProperties {
  const { request } = exchange;
  const md5 = contentMd5Of(request);
  const asked: FileProperties = {
    contentHeaders: contentHeadersOf(request),
    metadata: metadataOf(request),
    ...(md5 === undefined ? {} : { contentMd5: { value: md5, modified: notYetKnown } }),
  };
  return withSmb(exchange, share, asked, smb);
}

/** Stands for the modification time of a file that is still being made. */
export const notYetKnown = "";

/** Gives a new file its size, and the content that comes with the request, once all of that is there. */
async function receive(exchange: Exchange, draft: Draft, size: number, written: number): Promise<void> {
  const folder = exchange.storage.accountFolder(exchange.request.account);
  const fill = async (content: Buffer): Promise<void> => {
    if (draft.isVisible) ftruncateSync(draft.descriptor, 0);
    await writeAll(draft.descriptor, content, 0);
    if (size > content.length) ftruncateSync(draft.descriptor, size);
  };
  if (written > 0) await withUpload(exchange, folder, fill);
  else await fill(Buffer.alloc(0));
}

/** MD5 that a request announced, and the endpoint found to be right. */
export function md5Header(request: StorageRequest): Record<string, string> {
  const md5 = request.header("content-md5");
  return md5 === undefined || request.header("content-length") === "0" ? {} : { "content-md5": md5 };
}

/** Throws when something is there that the sender may not replace by a file, or the request wants nothing to be there. */
export function checkReplaceable(exchange: Exchange, { share, place }: Target): void {
  const { stat } = place;
  if (stat === undefined) {
    checkLease(exchange.request, undefined, { kind: "file", needsLease: true });
    return checkConditions(exchange.request, undefined);
  }
  if (!stat.isFile()) throw new StorageError("ResourceTypeMismatch");
  if (!exchange.grant.grants("w")) throw new StorageError("AuthorizationPermissionMismatch");
  const { properties } = checkedKnown(exchange, share, stat);
  if (!flagHeader(exchange.request, "x-ms-file-copy-ignore-readonly")) refuseReadOnly(properties);
}

/** Works on a draft, closes it, and removes it unless it was published. */
export async function withDraft(draft: Draft, use: (draft: Draft) => Promise<void>): Promise<void> {
  await withDescriptor(draft.descriptor, async () => {
    try {
      await use(draft);
    } finally {
      draft.discard();
    }
  });
}

/** Puts a new file in the place that the request addresses, if the sender still may. */
export function publish(exchange: Exchange, draft: Draft, file: NewFile): Target {
  const target = targetOf(exchange);
  if (!draft.isVisible) checkReplaceable(exchange, target);
  placeDraft(exchange, target, draft, file);
  return target;
}

/** Puts a new file in its place. A lease on the file that was there goes over to the new one. */
export function placeDraft(
  exchange: Exchange,
  target: Target,
  draft: Draft,
  { written, properties, times }: NewFile,
): void {
  const { storage } = exchange;
  setLastWriteTime(draft.descriptor, times.lastWriteOn);
  const stat = fstatSync(draft.descriptor, { bigint: true });
  const stored = withMd5Of(stat, properties);
  // Of most files there is nothing to store. Of one that may be an old one, or be taken for one, something may be known.
  const isSurelyNew = !draft.isVisible && stat.birthtimeNs !== 0n;
  if (!isSurelyNew || !isEmpty(stored)) storage.properties.setFile(target.share, identityOf(stat), stored);
  if (draft.isVisible) storage.written.forget(stat);
  storage.written.noteNew(stat, written);
  draft.publish(target.place);
  if (!draft.isVisible && target.place.stat !== undefined) inherit(exchange, target, target.place.stat, stat);
  // Only now the change time is final.
  const { changedOn } = times;
  if (changedOn instanceof Date) {
    store(exchange, target.share, draft.descriptor, stored, { lastWriteOn: undefined, changedOn });
  }
}

/** Properties with an MD5 that belongs to the content as it is. */
function withMd5Of({ mtimeNs }: BigIntStats, properties: FileProperties): FileProperties {
  const { contentMd5 } = properties;
  if (contentMd5?.modified !== notYetKnown) return properties;
  return { ...properties, contentMd5: { ...contentMd5, modified: String(mtimeNs) } };
}

function isEmpty(properties: FileProperties): boolean {
  return Object.values(properties).every((value) => value === undefined || Object.keys(value as object).length === 0);
}

/** A lease names a path to those who hold it, so it outlives what is there. */
function inherit(exchange: Exchange, { share }: Target, replaced: BigIntStats, stat: BigIntStats): void {
  const { storage } = exchange;
  const lease = storage.properties.lease(share, identityOf(replaced));
  if (lease !== undefined) storage.properties.setLease(share, identityOf(stat), lease);
  forget(exchange, share, replaced);
}

/** Creating files. */
export const newFileOperations: readonly Operation[] = [
  {
    level: "file",
    resourceType: "o",
    methods: ["PUT"],
    permissions: "cw",
    headers: [
      leaseHeader,
      "x-ms-type",
      "x-ms-content-length",
      "x-ms-file-property-semantics",
      ...contentHeadersRead,
      ...smbHeadersRead,
    ],
    takesMetadata: true,
    run: createOrReplaceFile,
  },
];
