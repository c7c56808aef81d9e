import type { File } from "../../../models/file.ts";
import { file as fileSchema } from "../../../wire/tables/file.ts";
import { serialize } from "../../../wire/serialize.ts";
import type { DirectoryEntry } from "../../../files/index.ts";
import type { StoredResource } from "../../state/resources.ts";
import type { OutputLocation } from "../../state/runs.ts";
import { pageOf } from "../responses.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { ArmError, invalidParameter } from "../errors.ts";
import { integerIn, queryIn } from "../parameters.ts";

const stdOutErr = "stdouterr";

/** Returns one level of an output directory of a job, sorted by name. Each file has a SAS URL for its download. */
export async function outputFilesOf(
  context: ArmContext,
  request: ArmRequest,
  job: StoredResource<"jobs">,
): Promise<{ value: unknown[]; nextLink?: string }> {
  const id = queryIn(request, "outputdirectoryid");
  if (id === undefined || id === "") throw invalidParameter([{ path: "outputdirectoryid", message: "is required" }]);
  const directory = relativePathIn(request);
  const minutes = integerIn(request, "linkexpiryinminutes", { min: 5, max: 600, default: 60 });
  const location = outputLocation(context, job, id);
  const share = location?.share;
  if (location && !share) {
    throw new ArmError(
      "OutputDirectoryNotOnShare",
      `The specified outputDirectoryId ${id} is not present on a mount root. Only files on a mounted file share can be listed.`,
      { target: "outputdirectoryid" },
    );
  }
  const path = share ? [share.path, directory].filter((part) => part !== "").join("/") : "";
  const entries = share ? ((await context.files.list(share.accountName, share.shareName, path)) ?? []) : [];
  const expiresOn = new Date(Date.now() + minutes * 60_000);
  const fileOf = (entry: DirectoryEntry): File => {
    if (entry.kind === "directory" || !share) return { name: entry.name, fileType: "directory" };
    const target = { accountName: share.accountName, shareName: share.shareName, path: `${path}/${entry.name}` };
    return {
      name: entry.name,
      fileType: "file",
      downloadUrl: context.files.sasUrl(target, expiresOn),
      lastModified: wholeSeconds(entry.lastModified),
      contentLength: entry.contentLength ?? 0,
    };
  };
  return pageOf(request, (after, limit) =>
    entries
      .slice(after, after + limit)
      .map((entry, index) => ({ sequence: after + index + 1, body: serialize(fileSchema, fileOf(entry)) })),
  );
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

function wholeSeconds(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}
