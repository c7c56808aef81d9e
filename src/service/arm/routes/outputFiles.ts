import { setImmediate } from "node:timers/promises";
import type { File } from "../../../models/file.ts";
import { file as fileSchema } from "../../../wire/tables/file.ts";
import { cluster as clusterSchema } from "../../../wire/tables/cluster.ts";
import { job as jobSchema } from "../../../wire/tables/job.ts";
import { withSecrets } from "../../../wire/secrets.ts";
import { serialize } from "../../../wire/serialize.ts";
import type { DirectoryEntry, FilesService } from "../../../files/index.ts";
import type { StoredResource } from "../../state/resources.ts";
import type { OutputLocation } from "../../state/runs.ts";
import type { Store } from "../../state/store.ts";
import { containerIn } from "../../volumes/azureBlobFileSystems.ts";
import { BlobContainerError, blobUrl, listBlobs, type BlobContainer } from "../../volumes/blobContainer.ts";
import { originOf } from "../responses.ts";
import type { Page } from "../responses.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { ArmError, invalidParameter } from "../errors.ts";
import { integerIn, queryIn } from "../parameters.ts";

const stdOutErr = "stdouterr";
/** Number of entries after which other work gets its turn: a signature takes several microseconds. */
const batchSize = 200;

/** A section of a directory. */
interface Section {
  /** Position of the entry before the section. Default: it begins with the first one. */
  readonly after: string | undefined;
  /** Number of entries at most. */
  readonly limit: number;
}

/** An entry of an output directory. */
interface OutputEntry {
  readonly name: string;
  /** What the next page begins after. */
  readonly position: string;
  /** Absent for a directory. */
  readonly file?: { readonly contentLength: number; readonly lastModified: Date };
}

/** An output directory on a share or in a container. */
interface OutputDirectory {
  /** Returns entries sorted by name. Rejects with an `ArmError` if they cannot be read. */
  entries(section: Section): Promise<OutputEntry[]>;
  /** Returns the URL at which a file can be downloaded; undefined if clients cannot address it. */
  downloadUrl(name: string): string | undefined;
}

/**
 * Returns a page of one level of an output directory of a job, sorted by name. Each file has a SAS URL for its
 * download, unless clients of Azure Files cannot address it.
 */
export async function outputFilesOf(
  context: ArmContext,
  request: ArmRequest,
  job: StoredResource<"jobs">,
): Promise<Page<unknown>> {
  const id = queryIn(request, "outputdirectoryid");
  if (id === undefined || id === "") throw invalidParameter([{ path: "outputdirectoryid", message: "is required" }]);
  const below = relativePathIn(request);
  const minutes = integerIn(request, "linkexpiryinminutes", { min: 5, max: 600, default: 60 });
  const limit = integerIn(request, "maxresults", { min: 1, max: 1000, default: 1000 });
  const after = positionIn(request);
  const location = outputLocation(context, job, id);
  if (location === undefined) return { value: [] };
  const expiresOn = new Date(Date.now() + minutes * 60_000);
  const directory = location.container
    ? directoryInContainer(context, job, location.container, below, expiresOn)
    : directoryOnShare(context, location, id, below, expiresOn);
  // One entry more than the page has shows that more follow.
  const entries = await directory.entries({ after, limit: limit + 1 });
  const page = entries.slice(0, limit);
  const value: unknown[] = [];
  for (const [index, entry] of page.entries()) {
    if (index % batchSize === batchSize - 1) await setImmediate();
    value.push(serialize(fileSchema, fileOf(directory, entry)));
  }
  const last = page.at(-1);
  return entries.length > limit && last ? { value, nextLink: nextLinkOf(request, last.position) } : { value };
}

function directoryOnShare(
  { files }: ArmContext,
  { share }: OutputLocation,
  id: string,
  below: string,
  expiresOn: Date,
): OutputDirectory {
  if (!share) {
    const message =
      `The specified outputDirectoryId ${id} is not present on a mount root. ` +
      "Only files on a mounted file share or blob container can be listed.";
    throw new ArmError("OutputDirectoryNotOnShare", message, { target: "outputdirectoryid" });
  }
  const { accountName, shareName } = share;
  const directory = joined(share.path, below);
  return {
    entries: (section) => readEntries(files, { accountName, shareName, path: directory }, section),
    downloadUrl: (name) => {
      const path = joined(directory, name);
      return files.hasUrl(path) ? files.sasUrl({ accountName, shareName, path }, expiresOn) : undefined;
    },
  };
}

async function readEntries(
  files: FilesService,
  { accountName, shareName, path }: { readonly accountName: string; readonly shareName: string; readonly path: string },
  { after, limit }: Section,
): Promise<OutputEntry[]> {
  try {
    const page = { ...(after === undefined ? {} : { after }), limit };
    return ((await files.list(accountName, shareName, path, page)) ?? []).map(outputEntry);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EACCES")) throw error;
    throw new ArmError("Conflict", "The service has no permission to read the output directory. Change its mode.", {
      target: "outputdirectoryid",
    });
  }
}

/** The links lead to the account itself, which signs them with the key that the job or its cluster has. */
function directoryInContainer(
  { store, storageSuffix }: ArmContext,
  job: StoredResource<"jobs">,
  location: NonNullable<OutputLocation["container"]>,
  below: string,
  expiresOn: Date,
): OutputDirectory {
  const container = containerOf(store, job, location, storageSuffix);
  const directory = joined(location.path, below);
  return {
    entries: async (section) => {
      const blobs = await listBlobs(container, directory, section).catch((error: unknown) => {
        if (error instanceof BlobContainerError) throw unlistable(error.message);
        throw error;
      });
      return blobs.map((entry) => ({
        name: entry.name,
        position: entry.position,
        ...(entry.blob ? { file: entry.blob } : {}),
      }));
    },
    downloadUrl: (name) => blobUrl(container, joined(directory, name), expiresOn),
  };
}

/** Finds the key of a container among the volumes of a job and its cluster. */
function containerOf(
  store: Store,
  job: StoredResource<"jobs">,
  { accountName, containerName }: NonNullable<OutputLocation["container"]>,
  storageSuffix: string,
): BlobContainer {
  const cluster = store.resources.find("clusters", job.model.cluster?.id ?? "");
  const ofCluster = cluster && withSecrets(clusterSchema, cluster.model, store.vault.get(cluster.key)).nodeSetup;
  const volumes = [withSecrets(jobSchema, job.model, store.vault.get(job.key)).mountVolumes, ofCluster?.mountVolumes];
  const known = volumes
    .flatMap((lists) => lists?.azureBlobFileSystems ?? [])
    .map((reference) => containerIn(reference, storageSuffix));
  const found = known.find(
    (container) => container.accountName === accountName && container.containerName === containerName,
  );
  if (found) return found;
  throw unlistable(
    `the cluster of the job mounted the container ${accountName}/${containerName}, and has been deleted with its key`,
  );
}

function unlistable(reason: string): ArmError {
  return new ArmError("Conflict", `The output directory cannot be listed: ${reason}.`, { target: "outputdirectoryid" });
}

function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("/");
}

function outputEntry({ name, kind, contentLength = 0, lastModified }: DirectoryEntry): OutputEntry {
  return { name, position: name, ...(kind === "file" ? { file: { contentLength, lastModified } } : {}) };
}

function fileOf(directory: OutputDirectory, { name, file }: OutputEntry): File {
  if (file === undefined) return { name, fileType: "directory" };
  const downloadUrl = directory.downloadUrl(name);
  return {
    name,
    fileType: "file",
    ...(downloadUrl === undefined ? {} : { downloadUrl }),
    lastModified: wholeSeconds(file.lastModified),
    contentLength: file.contentLength,
  };
}

/** Returns the place of an output directory; undefined if the job has not started yet. */
function outputLocation({ store }: ArmContext, job: StoredResource<"jobs">, id: string): OutputLocation | undefined {
  const known = [stdOutErr, ...(job.model.outputDirectories ?? []).map((directory) => directory.id)];
  const spelled = known.find((name) => name === id) ?? (id.toLowerCase() === stdOutErr ? stdOutErr : undefined);
  if (spelled === undefined) {
    const message = `The job has no output directory ${JSON.stringify(id.slice(0, 100))}. It has: ${known.join(", ")}.`;
    throw new ArmError("OutputDirectoryNotFound", message, { target: "outputdirectoryid" });
  }
  return store.runs.latest(job.key)?.outputs[spelled];
}

function relativePathIn(request: ArmRequest): string {
  const directory = queryIn(request, "directory") ?? ".";
  const segments = directory.split("/").filter((segment) => segment !== "" && segment !== ".");
  if (directory.startsWith("/") || segments.includes("..") || /[\\\0]/.test(directory)) {
    throw invalidParameter([{ path: "directory", message: "must be a path below the output directory, without '..'" }]);
  }
  return segments.join("/");
}

/** Returns the position of the last entry of the previous page. The token has a slash first, which no name begins with. */
function positionIn(request: ArmRequest): string | undefined {
  const token = queryIn(request, "$skiptoken");
  if (token === undefined) return undefined;
  const position = Buffer.from(token, "base64url").toString();
  if (tokenOf(position.slice(1)) === token) return position.slice(1);
  throw invalidParameter([{ path: "$skiptoken", message: "must be taken unchanged from a nextLink" }]);
}

function tokenOf(name: string): string {
  return Buffer.from(`/${name}`).toString("base64url");
}

function nextLinkOf(request: ArmRequest, lastName: string): string {
  const url = new URL(request.url, originOf(request));
  url.searchParams.set("$skiptoken", tokenOf(lastName));
  return url.toString();
}

function wholeSeconds(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}
