import { ftruncateSync } from "node:fs";
import { wholeFile } from "../disk/byteRanges.ts";
import { writeAll } from "../disk/content.ts";
import { openDraft, openInPlace } from "../disk/drafts.ts";
import type { Draft } from "../disk/drafts.ts";
import { StorageError } from "../errors.ts";
import {
  contentHeadersOf,
  contentHeadersRead,
  contentMd5Of,
  fileSizeOf,
  metadataOf,
  smbHeadersRead,
  smbPropertiesOf,
} from "../http/headers.ts";
import { leaseHeader } from "../http/leases.ts";
import type { StorageRequest } from "../http/request.ts";
import { md5Header, uploadLength, withUpload } from "../http/uploads.ts";
import type { FileProperties } from "../records/properties.ts";
import { currentHeaders } from "./entryProperties.ts";
import { respond } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { StorageOperation } from "./operation.ts";
import { checkReplaceable, notYetKnown, publish, withDraft } from "./publishing.ts";
import { withoutSmbDefaults, withSmbProperties } from "./smbProperties.ts";
import { targetOf } from "./target.ts";
import type { Target } from "./target.ts";

async function createOrReplaceFile(exchange: Exchange): Promise<void> {
  const { request } = exchange;
  const size = fileSizeOf(request);
  if (size === undefined) throw new StorageError("MissingRequiredHeader", { subject: "x-ms-content-length" });
  const written = contentLengthOf(request, size);
  const smb = withoutSmbDefaults(smbPropertiesOf(request));
  const target = targetOf(exchange);
  checkReplaceable(exchange, target);
  const properties = newProperties(exchange, target, smb);
  const draft = written === 0 && target.place.stat === undefined ? openInPlace(target.place) : undefined;
  await withDraft(draft ?? openDraft(target.share, target.place), async (opened) => {
    await fillDraft(exchange, opened, size, written);
    const times = { ...smb, lastWriteOn: smb.lastWriteOn ?? "now" } as const;
    const published = publish(exchange, opened, {
      written: written === 0 ? [] : [wholeFile(written)],
      properties,
      times,
    });
    respond(exchange, 201, {
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
  return withSmbProperties(exchange, share, asked, smb);
}

/** Sets the size of a new file, and writes the content of the request once all of it was received. */
async function fillDraft(exchange: Exchange, draft: Draft, size: number, written: number): Promise<void> {
  const folder = exchange.storage.accountFolder(exchange.request.account);
  const fill = async (content: Buffer): Promise<void> => {
    if (draft.isVisible) ftruncateSync(draft.descriptor, 0);
    await writeAll(draft.descriptor, content, 0);
    if (size > content.length) ftruncateSync(draft.descriptor, size);
  };
  if (written > 0) await withUpload(exchange, folder, fill);
  else await fill(Buffer.alloc(0));
}

/** Operations that create files. */
export const newFileOperations: readonly StorageOperation[] = [
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
