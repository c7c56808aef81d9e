import { execFile } from "node:child_process";
import { chmod, copyFile, link, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { askDaemon, callDaemon } from "./daemonApi.ts";

const run = promisify(execFile);
const bash = "/bin/bash-static";
const busybox = "/bin/busybox";

/** Programs from which images are made. */
export const imagePrograms: readonly string[] = [bash, busybox];

/** Content of an image. */
export interface ImageContent {
  /** Path of the statically linked bash of the image; false for an image without bash. Default: this machine's. */
  readonly bash?: string | false;
  /** Texts of executable files by their absolute paths. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Returns the file tree of a small image as a tar archive: busybox with all its applets, and bash. */
export async function imageTar({ bash: bashPath = bash, files = {} }: ImageContent = {}): Promise<Buffer> {
  const tree = await mkdtemp(join(tmpdir(), "batchai-image-"));
  const bin = join(tree, "bin");
  try {
    for (const folder of ["bin", "etc", "root", "tmp", "usr", "var/tmp"]) {
      await mkdir(join(tree, folder), { recursive: true });
    }
    await symlink("../bin", join(tree, "usr/bin"));
    await writeFile(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
    await copyFile(busybox, join(bin, "busybox"));
    const { stdout } = await run(busybox, ["--list"]);
    const applets = stdout.split("\n").filter((name) => name !== "" && name !== "busybox");
    await Promise.all(applets.map((name) => link(join(bin, "busybox"), join(bin, name))));
    if (bashPath !== false) {
      await copyFile(bashPath, join(bin, "bash"));
      await rm(join(bin, "sh"));
      await symlink("bash", join(bin, "sh"));
    }
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(tree, path)), { recursive: true });
      await writeFile(join(tree, path), text);
      await chmod(join(tree, path), 0o755);
    }
    await chmod(tree, 0o755);
    await run("tar", ["-C", tree, "--owner=0", "--group=0", "-cf", `${tree}.tar`, "."]);
    return await readFile(`${tree}.tar`);
  } finally {
    await rm(tree, { recursive: true });
    await rm(`${tree}.tar`, { force: true });
  }
}

/** Variables that images for the tests set. */
export const imageVariables = { PATH: "/usr/local/bin:/usr/bin:/bin", FROM_IMAGE: "yes" };

/** Makes an image in a container engine from a file tree and gives it one or several names. */
export async function loadImage(
  socket: string,
  names: string | readonly string[],
  tree: Buffer,
  instructions: readonly string[] = [],
): Promise<void> {
  const variables = Object.entries(imageVariables).map(([variable, value]) => `ENV ${variable}=${value}`);
  const changes = [...variables, ...instructions].map((change) => `&changes=${encodeURIComponent(change)}`);
  const progress = await askDaemon(socket, "POST", `/images/create?fromSrc=-${changes.join("")}`, tree);
  const id = /sha256:([0-9a-f]{64})/.exec(progress)?.[1];
  if (id === undefined) throw new Error(`The import of an image failed: ${progress}`);
  // podman ignores a tag in the import, so the image gets its names by further requests.
  for (const name of [names].flat()) {
    const { repository, tag } = partsOf(name);
    await askDaemon(socket, "POST", `/images/${id}/tag?repo=${encodeURIComponent(repository)}&tag=${tag}`);
  }
}

/** Splits the name of an image at its tag. */
export function partsOf(image: string): { readonly repository: string; readonly tag: string } {
  const colon = image.lastIndexOf(":");
  if (colon < 0 || image.includes("/", colon)) return { repository: image, tag: "latest" };
  return { repository: image.slice(0, colon), tag: image.slice(colon + 1) };
}

/** Whether a container engine has an image. */
export async function imageExists(socket: string, name: string): Promise<boolean> {
  return (await callDaemon(socket, "GET", `/images/${name}/json`)).status === 200;
}
