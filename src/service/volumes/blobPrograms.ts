import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BlobContainer } from "./blobContainer.ts";
import type { MountCommand } from "./mountCommand.ts";
import type { MountPlace } from "./mounts.ts";
import { findProgram } from "../../ground/findProgram.ts";
import { mayAllowOthers } from "./mountRights.ts";

/** A mount of a blob container. */
interface BlobMount {
  readonly container: BlobContainer;
  readonly isReadOnly: boolean;
}

/** A program that mounts blob containers. */
interface BlobProgram {
  readonly name: string;
  readonly command: (program: string, mount: BlobMount, place: MountPlace) => Promise<MountCommand>;
}

/** Writes a file to the container when it is closed, so that little is pending when the mount ends. */
const rclone: BlobProgram = {
  name: "rclone",
  async command(program, { container, isReadOnly }, { target, files }) {
    const { accountName, containerName, accountKey } = container;
    return {
      name: "rclone",
      program,
      args: [
        ...["mount", `:azureblob:${containerName}`, target],
        ...["--cache-dir", join(files, "cache"), "--config", join(files, "no-config")],
        ...["--vfs-cache-mode", "writes", "--vfs-write-back", "0s", "--dir-cache-time", "10s"],
        ...["--dir-perms", "0777", "--file-perms", "0777", "--umask", "0"],
        ...["--contimeout", "10s", "--timeout", "60s", "--allow-non-empty"],
        ...((await mayAllowOthers()) ? ["--allow-other"] : []),
        ...(isReadOnly ? ["--read-only"] : []),
      ],
      environment: {
        RCLONE_AZUREBLOB_ACCOUNT: accountName,
        RCLONE_AZUREBLOB_KEY: accountKey,
        RCLONE_AZUREBLOB_ENDPOINT: `blob.${container.suffix}`,
      },
      secrets: [accountKey],
    };
  },
};

const blobfuse2: BlobProgram = {
  name: "blobfuse2",
  async command(program, { container, isReadOnly }, { target, files }) {
    const { accountName, containerName, accountKey } = container;
    const settings = {
      foreground: true,
      "allow-other": await mayAllowOthers(),
      "read-only": isReadOnly,
      nonempty: true,
      logging: {
        type: "base",
        level: "log_warning",
        "file-path": join(files, "blobfuse2.log"),
        "max-file-size-mb": 4,
        "file-count": 2,
      },
      components: ["libfuse", "file_cache", "attr_cache", "azstorage"],
      libfuse: { "default-permission": 0o777 },
      file_cache: { path: join(files, "cache"), "timeout-sec": 120, "cleanup-on-start": true },
      azstorage: {
        type: "block",
        mode: "key",
        endpoint: `https://${accountName}.blob.${container.suffix}`,
        container: containerName,
        "account-name": accountName,
        "account-key": accountKey,
      },
    };
    const configFile = join(files, "blobfuse2.yaml");
    // JSON is YAML.
    await writeFile(configFile, JSON.stringify(settings), { mode: 0o600 });
    return {
      name: "blobfuse2",
      program,
      args: ["mount", target, `--config-file=${configFile}`],
      secrets: [accountKey],
    };
  },
};

/** In the order in which they are looked for. */
const programs = [blobfuse2, rclone];

/** Names of the programs that can mount blob containers, for people. */
export const blobProgramNames = programs.map(({ name }) => name).join(" or ");

/** Returns the command that mounts a container with a program of this machine; undefined if there is none. */
export async function blobMountCommand(): Promise<
  ((mount: BlobMount, place: MountPlace) => Promise<MountCommand>) | undefined
> {
  for (const { name, command } of programs) {
    const path = findProgram(name);
    if (path !== undefined) return (mount, place) => command(path, mount, place);
  }
  return undefined;
}
