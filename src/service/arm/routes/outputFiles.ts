import { setImmediate } from "node:timers/promises";
import type { File } from "../../../models/file.ts";
import { file as fileSchema } from "../../../wire/tables/file.ts";
import { serialize } from "../../../wire/serialize.ts";
import type { DirectoryEntry, FilesService } from "../../../files/index.ts";
import type { StoredResource } from "../../state/resources.ts";
import type { OutputLocation } from "../../state/runs.ts";
import { originOf } from "../responses.ts";
import type { Page } from "../responses.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { ArmError, invalidParameter } from "../errors.ts";
import { integerIn, queryIn } from "../parameters.ts";

const stdOutErr = "stdouterr";
/** Number of entries after which other work gets its turn: a signature takes several microseconds. */
const batchSize = 200;

/** A directory on a share. */
interface ShareDirectory {
  readonly accountName: string;
  readonly shareName: string;
  readonly path: string;
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
  const directory = directoryOnShare(location, id, below);
  // One entry more than the page has shows that more follow.
  const entries = await readEntries(context, directory, after, limit + 1);
  const page = entries.slice(0, limit);
  const expiresOn = new Date(Date.now() + minutes * 60_000);
  const value: unknown[] = [];
  for (const [index, entry] of page.entries()) {
    if (index % batchSize === batchSize - 1) await setImmediate();
    value.push(serialize(fileSchema, fileOf(context.files, directory, entry, expiresOn)));
  }
  const last = page.at(-1);
  return entries.length > limit && last ? { value, nextLink: nextLinkOf(request, last.name) } : { value };
}

function directoryOnShare({ share }: OutputLocation, id: string, below: string): ShareDirectory {
  if (!share) {
    throw new ArmError(
      "OutputDirectoryNotOnShare",
      `The specified outputDirectoryId ${id} is not present on a mount root. Only files on a mounted file share can be listed.`,
      { target: "outputdirectoryid" },
    );
  }
  return { ...share, path: [share.path, below].filter((part) => part !== "").join("/") };
}

async function readEntries(
  { files }: ArmContext,
  { accountName, shareName, path }: ShareDirectory,
  after: string | undefined,
  limit: number,
): Promise<DirectoryEntry[]> {
  try {
    return (await files.list(accountName, shareName, path, { ...(after === undefined ? {} : { after }), limit })) ?? [];
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EACCES")) throw error;
    throw new ArmError("Conflict", "The service has no permission to read the output directory. Change its mode.", {
      target: "outputdirectoryid",
    });
  }
}

function fileOf(files: FilesService, directory: ShareDirectory, entry: DirectoryEntry, expiresOn: Date): File {
  const { name, kind, contentLength = 0, lastModified } = entry;
  if (kind === "directory") return { name, fileType: "directory" };
  const path = directory.path === "" ? name : `${directory.path}/${name}`;
  return {
    name,
    fileType: "file",
    ...(files.hasUrl(path) ? { downloadUrl: files.sasUrl({ ...directory, path }, expiresOn) } : {}),
    lastModified: wholeSeconds(lastModified),
    contentLength,
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

/** Returns the name of the last entry of the previous page. The token has a slash first, which no name contains. */
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
