import type { BigIntStats } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { withDescriptor } from "../disk/descriptor.ts";
import { identityOf } from "../disk/identity.ts";
import { keysIn } from "../disk/keptListings.ts";
import { nameOfKey } from "../disk/names.ts";
import { createDirectory, lookAt, openPlace, pathOf, removeDirectory, requireDirectory } from "../disk/tree.ts";
import type { FoundPlace } from "../disk/tree.ts";
import { StorageError } from "../errors.ts";
import { unlessShort } from "../failures.ts";
import { checkConditions } from "../http/conditions.ts";
import { metadataOf, smbHeadersRead, smbPropertiesOf } from "../http/headers.ts";
import { cutPage, includes, pageRequestOf } from "../http/paging.ts";
import {
  attributesOf,
  changeTimeOf,
  creationTimeOf,
  entryHeaders,
  etagOf,
  metadataHeaders,
} from "../http/responseHeaders.ts";
import { elements, fillFrame, nameXml, pathAttributes, toXml } from "../http/xml.ts";
import { originalState } from "../records/originalState.ts";
import type { FileProperties } from "../records/properties.ts";
import type { Share } from "../shares/share.ts";
import { httpDate, millisecondsOf, ticks } from "../times.ts";
import { refuseReadOnly, withEntry } from "./entry.ts";
import { changeProperties, currentHeaders, filePropertiesOf, storeProperties } from "./entryProperties.ts";
import { respond, respondXml } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { StorageOperation } from "./operation.ts";
import { withoutSmbDefaults, withSmbProperties } from "./smbProperties.ts";
import { targetOf } from "./target.ts";
import type { Target } from "./target.ts";

/** Number of entries that are serialized together. */
const batchSize = 250;

async function listFilesAndDirectories(exchange: Exchange): Promise<void> {
  const { request } = exchange;
  const { share, place } = targetOf(exchange);
  const directory = requireDirectory(place);
  const prefix = request.query.get("prefix") ?? "";
  const wanted = pageRequestOf(request);
  const range = { after: wanted.after, prefix: prefix.toLowerCase(), limit: wanted.size + 1 };
  const page = cutPage(await keysIn(pathOf(directory), range), wanted);
  const entries = await entriesXml(directory, page.keys, entryDescriber(exchange, share));
  const frame = toXml("EnumerationResults", {
    $: {
      ServiceEndpoint: `${exchange.accountUrl}/`,
      ShareName: share.shareName,
      ...(share.snapshot === undefined ? {} : { ShareSnapshot: share.snapshot }),
      ...pathAttributes("DirectoryPath", request.path.join("/")),
    },
    // Absent unless the request has it: the Python client would send back even an empty one, corrupted, for the next
    // page.
    ...(prefix === "" ? {} : { Prefix: nameXml(prefix) }),
    Marker: request.query.get("marker") ?? "",
    MaxResults: request.query.get("maxresults") ?? "5000",
    DirectoryId: String(directory.stat.ino),
    Entries: {},
    NextMarker: page.nextMarker,
  });
  respondXml(exchange, fillFrame(frame, "Entries", entries));
}

/**
 * Serializes entries in batches, so that a long page does not fill the memory with objects, and other requests do not
 * wait for it.
 */
async function entriesXml(
  directory: FoundPlace,
  keys: readonly string[],
  describe: (entry: FoundPlace) => object,
): Promise<Buffer[]> {
  const files: Buffer[] = [];
  const directories: Buffer[] = [];
  for (let start = 0; start < keys.length; start += batchSize) {
    const found = lookAt(directory, keys.slice(start, start + batchSize).map(nameOfKey));
    files.push(elements("File", found.filter(({ stat }) => stat.isFile()).map(describe)));
    directories.push(elements("Directory", found.filter(({ stat }) => stat.isDirectory()).map(describe)));
    await setImmediate();
  }
  return [...files, ...directories];
}

function entryDescriber(exchange: Exchange, share: Share): (entry: FoundPlace) => object {
  const wanted = includes(exchange.request);
  const inWords = ["attributes", "etag", "permissionkey", "timestamps"].some((word) => wanted.has(word));
  const needsStored = inWords || share.snapshot !== undefined;
  return ({ name, stat }) => {
    const properties = needsStored ? filePropertiesOf(exchange, share, stat) : {};
    return {
      FileId: String(originalState(stat, properties).ino),
      Name: nameXml(name),
      Properties: {
        ...(stat.isFile() ? { "Content-Length": String(stat.size) } : {}),
        ...(wanted.has("timestamps") ? timesOf(stat, properties) : {}),
        ...(wanted.has("etag") ? { Etag: etagOf(stat, properties) } : {}),
      },
      ...(wanted.has("attributes") ? { Attributes: attributesOf(stat, properties) } : {}),
      ...(wanted.has("permissionkey") && properties.permissionKey !== undefined
        ? { PermissionKey: properties.permissionKey }
        : {}),
    };
  };
}

function timesOf(stat: BigIntStats, properties: FileProperties): Record<string, string> {
  const { mtimeNs, ctimeNs } = originalState(stat, properties);
  return {
    CreationTime: creationTimeOf(stat, properties),
    LastAccessTime: ticks(millisecondsOf(stat.atimeNs)),
    LastWriteTime: ticks(millisecondsOf(mtimeNs)),
    ChangeTime: changeTimeOf(stat, properties),
    "Last-Modified": httpDate(millisecondsOf(ctimeNs)),
  };
}

async function createNewDirectory(exchange: Exchange): Promise<void> {
  const metadata = metadataOf(exchange.request);
  const smb = withoutSmbDefaults(smbPropertiesOf(exchange.request));
  const target = targetOf(exchange);
  const { stat } = target.place;
  if (stat !== undefined) throw new StorageError(stat.isDirectory() ? "ResourceAlreadyExists" : "ResourceTypeMismatch");
  checkConditions(exchange.request, undefined);
  createDirectory(target.place);
  try {
    await withDescriptor(openPlace(target.place, "read"), (descriptor) => {
      const properties = withSmbProperties(exchange, target.share, { metadata }, smb);
      storeProperties(exchange, target.share, descriptor, properties, smb);
      respond(exchange, 201, currentHeaders(exchange, target, descriptor));
    });
  } catch (error) {
    // The client will try again, and should not be told that the directory already exists.
    removeDirectory(target.place);
    throw error;
  }
}

async function getDirectoryProperties(exchange: Exchange): Promise<void> {
  const target = directoryTarget(exchange);
  await withEntry(exchange, target, "read", ({ stat, properties }) => {
    respond(exchange, 200, {
      ...entryHeaders(stat, target.place.folderId, properties),
      ...metadataHeaders(properties.metadata),
      "x-ms-server-encrypted": "false",
    });
  });
}

async function setDirectoryMetadata(exchange: Exchange): Promise<void> {
  const metadata = metadataOf(exchange.request);
  await changeProperties(exchange, directoryTarget(exchange), (properties) => ({ ...properties, metadata }));
}

async function setDirectoryProperties(exchange: Exchange): Promise<void> {
  const smb = smbPropertiesOf(exchange.request);
  const target = directoryTarget(exchange);
  await changeProperties(
    exchange,
    target,
    (properties) => withSmbProperties(exchange, target.share, properties, smb),
    smb,
  );
}

function directoryTarget(exchange: Exchange): Target {
  const target = targetOf(exchange);
  return { ...target, place: requireDirectory(target.place) };
}

function deleteDirectory(exchange: Exchange): void {
  const { share, place } = targetOf(exchange);
  const { stat } = requireDirectory(place);
  if (place.name === ".") throw new StorageError("InvalidUri");
  refuseReadOnly(filePropertiesOf(exchange, share, stat));
  removeDirectory(place);
  unlessShort(() => exchange.storage.properties.forgetFile(share, identityOf(stat)));
  respond(exchange, 202, {});
}

const onDirectory = { level: "directory", resourceType: "o" } as const;

/** Operations on directories. */
export const directoryOperations: readonly StorageOperation[] = [
  {
    ...onDirectory,
    resourceType: "c",
    methods: ["GET"],
    comp: "list",
    permissions: "l",
    headers: ["x-ms-file-extended-info"],
    run: listFilesAndDirectories,
  },
  {
    ...onDirectory,
    methods: ["PUT"],
    permissions: "cw",
    headers: [...smbHeadersRead, "x-ms-file-property-semantics"],
    takesMetadata: true,
    run: createNewDirectory,
  },
  { ...onDirectory, methods: ["GET", "HEAD"], permissions: "r", run: getDirectoryProperties },
  { ...onDirectory, methods: ["GET", "HEAD"], comp: "metadata", permissions: "r", run: getDirectoryProperties },
  {
    ...onDirectory,
    methods: ["PUT"],
    comp: "metadata",
    permissions: "w",
    takesMetadata: true,
    run: setDirectoryMetadata,
  },
  {
    ...onDirectory,
    methods: ["PUT"],
    comp: "properties",
    permissions: "w",
    headers: smbHeadersRead,
    run: setDirectoryProperties,
  },
  { ...onDirectory, methods: ["DELETE"], permissions: "d", run: deleteDirectory },
];
