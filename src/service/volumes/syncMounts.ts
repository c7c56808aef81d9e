// DELETE AT THE MERGE: the scheduler that mounts inside a transaction needs this; `attachVolumes` takes its place.
import { mkdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { isWithin } from "../../ground/containment.ts";
import { errorCode, reasonOf } from "../../ground/systemErrors.ts";
import type { FileServerReference, MountVolumes } from "../../models/mountVolumes.ts";
import { StartError } from "../startError.ts";
import { hostedShare } from "./azureFileShares.ts";
import { mountError } from "./fileServers.ts";
import { mountPathIssues, shortestMountPath } from "./mountPaths.ts";
import type { VolumeHost, VolumeMount } from "./volume.ts";

/** Finds the folders behind the volumes of a cluster or job, shares before file servers. */
export function mountsOf(volumes: MountVolumes | undefined, mountRoot: string, host: VolumeHost): VolumeMount[] {
  const { azureFileShares = [], fileServers = [] } = volumes ?? {};
  const listed = [...azureFileShares, ...fileServers];
  const [issue] = mountPathIssues(listed.map(({ relativeMountPath }) => ({ relativeMountPath, path: "mountVolumes" })));
  if (issue) throw new StartError("InvalidMountPath", `${issue.message}.`, { target: issue.path });
  return listed.map((reference) => ({
    ...("fileServer" in reference ? fileServerMount(reference, host) : hostedShare(reference, host)),
    target: join(mountRoot, shortestMountPath(reference.relativeMountPath)),
  }));
}

function fileServerMount({ fileServer, sourceDirectory = "" }: FileServerReference, host: VolumeHost) {
  const root = host.fileServerFolder(fileServer.id);
  if (root === undefined) throw mountError(fileServer.id, "the file server no longer exists.");
  try {
    mkdirSync(root, { recursive: true });
    let real = realpathSync(root);
    for (const segment of sourceDirectory.split("/").filter(Boolean)) {
      real = stepInto(real, segment);
      if (!isWithin(realpathSync(root), real))
        throw new Error(`${segment} is a symbolic link that leads out of the file server`);
      if (!statSync(real).isDirectory()) throw new Error(`${segment} is a file, not a folder`);
    }
    return { source: real };
  } catch (error) {
    throw mountError(fileServer.id, `the directory ${sourceDirectory} cannot be used: ${reasonOf(error)}.`, error);
  }
}

function stepInto(folder: string, segment: string): string {
  try {
    mkdirSync(join(folder, segment));
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
  return realpathSync(join(folder, segment));
}
