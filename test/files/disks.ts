import { execFile, execFileSync } from "node:child_process";
import { copyFile, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";

const run = promisify(execFile);

/** Skips a test, with the reason, if this machine does not allow mounts. */
export async function needsDisks(context: TestContext): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "batchai-disk-"));
  try {
    if (process.getuid?.() !== 0) context.skip("only root may mount disks");
    await run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]).catch(() => {
      context.skip("this machine lets nobody mount disks");
    });
    await run("umount", [folder]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Mounts a disk while `use` runs, and unmounts it even if the test is aborted. */
async function mounted<T>(args: readonly string[], folder: string, use: () => Promise<T>): Promise<T> {
  const unmount = (): void => {
    execFileSync("umount", ["--lazy", folder], { stdio: "ignore" });
  };
  await run("mount", [...args, folder]);
  process.once("exit", unmount);
  try {
    return await use();
  } finally {
    process.off("exit", unmount);
    unmount();
  }
}

/** A small disk in memory. */
export async function withSmallDisk<T>(
  mebibytes: number,
  use: (folder: string) => Promise<T>,
  { inodes }: { inodes?: number } = {},
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "batchai-small-"));
  try {
    return await mounted(
      ["-t", "tmpfs", "-o", `size=${mebibytes}m${inodes === undefined ? "" : `,nr_inodes=${inodes}`}`, "tmpfs"],
      folder,
      () => use(folder),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Mounts a small empty disk over a folder. */
export async function withDiskOver<T>(folder: string, use: () => Promise<T>): Promise<T> {
  return mounted(["-t", "tmpfs", "-o", "size=1m", "tmpfs"], folder, use);
}

/** A disk in memory that does not record creation times. */
export async function withForgetfulDisk<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "batchai-forgetful-"));
  try {
    return await mounted(["-t", "ramfs", "ramfs"], folder, () => use(folder));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Mounts a folder over itself, so that it can be made read-only for a while. */
export async function withOwnMount<T>(
  folder: string,
  use: (allowWriting: (allowed: boolean) => Promise<void>) => Promise<T>,
): Promise<T> {
  return mounted(["--bind", folder], folder, () =>
    use(async (allowed) => {
      await run("mount", ["-o", `remount,bind,${allowed ? "rw" : "ro"}`, folder]);
    }),
  );
}

/** A disk that stores data only when it is flushed, and whose power can be cut. */
export interface CutDisk {
  readonly folder: string;
  /** Returns the content of the disk if the power failed now. */
  afterPowerFailure<T>(use: (folder: string) => Promise<T>): Promise<T>;
}

/** Skips a test if this machine cannot create a {@link CutDisk}. Containers often have no loop devices. */
export async function needsCutDisk(context: TestContext): Promise<void> {
  await needsDisks(context);
  await withCutDisk(() => Promise.resolve()).catch((error: unknown) => {
    context.skip(`this machine makes no disk out of a file: ${String(error)}`);
  });
}

/** Creates a disk in a file, which contains exactly what was written to the disk. */
export async function withCutDisk<T>(use: (disk: CutDisk) => Promise<T>): Promise<T> {
  const place = await mkdtemp(join(tmpdir(), "batchai-cut-"));
  try {
    const image = join(place, "disk");
    const handle = await open(image, "w");
    await handle.truncate(64 * 1024 * 1024);
    await handle.close();
    await run("mkfs.ext4", ["-q", "-F", image]);
    const folder = await mkdtemp(join(place, "mounted-"));
    return await mounted(["-o", "loop,commit=300", image], folder, () =>
      use({
        folder,
        async afterPowerFailure(look) {
          const copy = join(place, "copy");
          await copyFile(image, copy);
          const found = await mkdtemp(join(place, "found-"));
          return mounted(["-o", "loop", copy], found, () => look(found));
        },
      }),
    );
  } finally {
    await rm(place, { recursive: true });
  }
}
