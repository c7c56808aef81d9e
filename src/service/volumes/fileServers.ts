import { mkdir, realpath } from "node:fs/promises";
import { createContainedFolder } from "../../ground/containedFolder.ts";
import { reasonOf } from "../../ground/systemErrors.ts";
import { isWorkspaceChildId } from "../../wire/resourceIds.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { mountError } from "./mountError.ts";
import { hasNoParentSteps } from "./mountPaths.ts";
import type { VolumeKind } from "./volume.ts";

/** File servers: each is a folder of this machine. */
export const fileServers: VolumeKind<"fileServers"> = {
  property: "fileServers",

  issues({ fileServer, sourceDirectory }, path) {
    const issues: ValidationIssue[] = [];
    if (!isWorkspaceChildId(fileServer.id, "fileServers")) {
      const message = "must be the ARM ID of a file server, as fileServers.get returns it";
      issues.push({ path: `${path}.fileServer.id`, message });
    }
    if (sourceDirectory !== undefined && !hasNoParentSteps(sourceDirectory)) {
      issues.push({ path: `${path}.sourceDirectory`, message: "must be a path on the file server, without '..'" });
    }
    return issues;
  },

  needs: ({ fileServer }) => [{ kind: "fileServers", id: fileServer.id, property: "fileServer.id" }],

  async attach({ fileServer, sourceDirectory = "" }, { host }) {
    const root = host.fileServerFolder(fileServer.id);
    if (root === undefined) throw mountError("file server", fileServer.id, "the file server no longer exists.");
    try {
      return { source: await directoryOn(root, sourceDirectory) };
    } catch (error) {
      throw mountError(
        "file server",
        fileServer.id,
        `the directory ${sourceDirectory} cannot be used: ${reasonOf(error)}.`,
        error,
      );
    }
  },
};

async function directoryOn(root: string, directory: string): Promise<string> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  return createContainedFolder(await realpath(root), directory, "the file server");
}
