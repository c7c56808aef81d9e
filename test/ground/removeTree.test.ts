import { chmod, chown, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeTree } from "../../src/ground/removeTree.ts";

const someUser = 65_534;

describe("removing a tree", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "batchai-tree-"));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("removes links, and nothing that they lead to", async () => {
    await mkdir(join(folder, "precious"));
    await writeFile(join(folder, "precious/data"), "kept");
    await mkdir(join(folder, "tree"));
    await symlink(join(folder, "precious"), join(folder, "tree/link"));
    await symlink(join(folder, "precious"), join(folder, "link"));
    await removeTree(join(folder, "tree"));
    await removeTree(join(folder, "link"));
    await removeTree(join(folder, "absent"));
    expect(existsSync(join(folder, "tree")) || existsSync(join(folder, "link"))).toBe(false);
    expect(await readFile(join(folder, "precious/data"), "utf8")).toBe("kept");
  });

  // For root, no folder is read-only: as another user, then.
  it.runIf(process.geteuid?.() === 0)("removes folders that were made read-only", async () => {
    const tree = join(folder, "tree");
    await mkdir(join(tree, "a/b"), { recursive: true });
    await writeFile(join(tree, "a/b/file"), "");
    for (const path of ["a/b/file", "a/b", "a", ""]) await chown(join(tree, path), someUser, someUser);
    await chown(folder, someUser, someUser);
    for (const path of ["a/b", "a", ""]) await chmod(join(tree, path), 0o500);
    process.seteuid?.(someUser);
    try {
      await expect(rm(tree, { recursive: true })).rejects.toThrow(/EACCES|EPERM/);
      await removeTree(tree);
    } finally {
      process.seteuid?.(0);
    }
    expect(existsSync(tree)).toBe(false);
  });
});
