import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFile, mkdir, mkdtemp, readdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ShareServiceClient, StorageSharedKeyCredential } from "@azure/storage-file-share";
import type { ShareClient } from "@azure/storage-file-share";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FilesService } from "../../src/files/index.ts";
import { uploadDirectory } from "../../src/transfer/index.ts";
import type { ShareDirectory, ShareFile, TransferProgress } from "../../src/transfer/index.ts";
import { rejectionOf } from "../sdk/fixtures.ts";
import { hashesIn, hashesOf, part, someFiles, writeFiles } from "./folders.ts";

const key = randomBytes(64).toString("base64");
const files = someFiles();
let workplace: string;
let storage: FilesService;
let share: ShareClient;
let folder: string;
/** The share on this machine. */
let shareFolder: string;

function shareWith(accountKey: string): ShareClient {
  const credential = new StorageSharedKeyCredential("team", accountKey);
  return new ShareServiceClient(storage.fileEndpoint("team"), credential).getShareClient("data");
}

beforeAll(async () => {
  workplace = await mkdtemp(join(tmpdir(), "batchai-upload-"));
  storage = await FilesService.start({ dataDir: join(workplace, "files"), accounts: [{ name: "team", key }] });
  share = shareWith(key);
  shareFolder = join(workplace, "files", "team", "data");
});
afterAll(async () => {
  await storage.close();
  await rm(workplace, { recursive: true, force: true });
});
beforeEach(async () => {
  await share.create();
  folder = join(workplace, "local");
  await writeFiles(folder, files);
});
afterEach(async () => {
  await share.delete();
  await rm(folder, { recursive: true, force: true });
});

/** A directory of a share whose files can be tampered with. */
function tampering(directory: ShareDirectory, tamper: (file: ShareFile) => Partial<ShareFile>): ShareDirectory {
  return {
    path: directory.path,
    createIfNotExists: (options) => directory.createIfNotExists(options),
    getDirectoryClient: (name) => tampering(directory.getDirectoryClient(name), tamper),
    getFileClient: (name) => {
      const file = directory.getFileClient(name);
      const own: ShareFile = {
        create: (...args) => file.create(...args),
        getProperties: (...args) => file.getProperties(...args),
        uploadRange: (...args) => file.uploadRange(...args),
        setHttpHeaders: (...args) => file.setHttpHeaders(...args),
        setMetadata: (...args) => file.setMetadata(...args),
      };
      return { ...own, ...tamper(file) };
    },
  };
}

/** Notes which bytes are uploaded. */
function counting(directory: ShareDirectory): { directory: ShareDirectory; offsets: number[] } {
  const offsets: number[] = [];
  const tampered = tampering(directory, (file) => ({
    uploadRange: (body, offset, ...more) => {
      offsets.push(offset);
      return file.uploadRange(body, offset, ...more);
    },
  }));
  return { directory: tampered, offsets };
}

describe("uploadDirectory", () => {
  it("uploads everything, and leaves it alone when it is there", async () => {
    await mkdir(join(folder, "nothing"));
    const steps: TransferProgress[] = [];
    const target = share.getDirectoryClient("samples");
    const first = await uploadDirectory(target, folder, { onProgress: (step) => steps.push(step) });
    expect(await hashesIn(join(shareFolder, "samples"))).toEqual(hashesOf(files));
    expect(await readdir(join(shareFolder, "samples", "nothing"))).toEqual([]);
    expect(first.files.map(({ path }) => path)).toEqual(Object.keys(files).sort());
    expect(new Set(first.files.map(({ outcome }) => outcome))).toEqual(new Set(["transferred"]));
    const totalBytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
    expect(steps.at(-1)).toMatchObject({ doneFiles: 6, totalFiles: 6, doneBytes: totalBytes, totalBytes });

    const again = counting(target);
    const second = await uploadDirectory(again.directory, folder);
    expect(new Set(second.files.map(({ outcome }) => outcome))).toEqual(new Set(["unchanged"]));
    expect(again.offsets).toEqual([]);
  });

  it("uploads what has changed on either side, into the share itself too", async () => {
    await uploadDirectory(share.rootDirectoryClient, folder);
    await writeFile(join(folder, "small.txt"), "other\n");
    await appendFile(join(folder, "empty.txt"), "text");
    await truncate(join(shareFolder, "models", "one part"), part - 1);
    await writeFile(join(shareFolder, "theirs.txt"), "stays");
    const { files: all } = await uploadDirectory(share.rootDirectoryClient, folder);
    const changed = all.filter(({ outcome }) => outcome !== "unchanged").map(({ path }) => path);
    expect(changed).toEqual(["empty.txt", "models/one part", "small.txt"]);
    await rm(join(shareFolder, "theirs.txt"));
    expect(await hashesIn(shareFolder)).toEqual(await hashesIn(folder));
  });

  it("goes on with a large file where it was interrupted", async () => {
    const length = 10 * part + 5;
    await rm(folder, { recursive: true });
    await writeFiles(folder, { "large.bin": randomBytes(length) });
    const controller = new AbortController();
    const onProgress = ({ fileBytes }: TransferProgress): void => {
      if (fileBytes === 9 * part) controller.abort();
    };
    const target = share.rootDirectoryClient;
    const error = await rejectionOf(uploadDirectory(target, folder, { onProgress, abortSignal: controller.signal }));
    expect(error).toMatchObject({ name: "AbortError", message: expect.stringContaining("Start it again") });
    const again = counting(target);
    const { files: all } = await uploadDirectory(again.directory, folder);
    expect(all).toMatchObject([{ path: "large.bin", size: length, outcome: "resumed" }]);
    expect(again.offsets).toEqual([8 * part, 9 * part, 10 * part]);
    expect(await hashesIn(shareFolder)).toEqual(await hashesIn(folder));
    expect((await target.getFileClient("large.bin").getProperties()).metadata).toEqual({});
  });

  it("starts anew when the file has changed since the interruption", async () => {
    await rm(folder, { recursive: true });
    await writeFiles(folder, { "large.bin": Buffer.alloc(10 * part, "a") });
    const controller = new AbortController();
    const onProgress = ({ fileBytes }: TransferProgress): void => {
      if (fileBytes === 9 * part) controller.abort();
    };
    const target = share.rootDirectoryClient;
    await rejectionOf(uploadDirectory(target, folder, { onProgress, abortSignal: controller.signal }));
    await writeFiles(folder, { "large.bin": Buffer.alloc(10 * part, "b") });
    const { files: all } = await uploadDirectory(target, folder);
    expect(all).toMatchObject([{ outcome: "transferred" }]);
    expect(await hashesIn(shareFolder)).toEqual(await hashesIn(folder));
  });

  it("does not take for complete what broke off", async () => {
    let left = 4;
    const breaking = tampering(share.rootDirectoryClient, (file) => ({
      uploadRange: (...args) => {
        left -= 1;
        return left < 0
          ? Promise.reject(Object.assign(new Error("lost"), { code: "ECONNRESET" }))
          : file.uploadRange(...args);
      },
    }));
    const error = await rejectionOf(uploadDirectory(breaking, folder));
    expect(error).toMatchObject({ name: "TransferError", code: "ECONNRESET" });
    await uploadDirectory(share.rootDirectoryClient, folder);
    expect(await hashesIn(shareFolder)).toEqual(hashesOf(files));
  });

  it("has what arrives damaged refused", async () => {
    const damaging = tampering(share.rootDirectoryClient, (file) => ({
      uploadRange: (body, ...more) => file.uploadRange(Buffer.alloc(body.length, "x"), ...more),
    }));
    const error = await rejectionOf(uploadDirectory(damaging, folder));
    expect(error).toMatchObject({ name: "TransferError", code: "Md5Mismatch" });
    expect(error.message).toMatch(/^uploadDirectory: \S.* \[Md5Mismatch\]$/);
  });

  it("says that a file changed while it was read", async () => {
    const changing = tampering(share.rootDirectoryClient, (file) => ({
      uploadRange: async (...args) => {
        await appendFile(join(folder, "small.txt"), "more");
        return file.uploadRange(...args);
      },
    }));
    const error = await rejectionOf(uploadDirectory(changing, folder, { concurrency: 1 }));
    expect(error).toMatchObject({
      name: "TransferError",
      path: "small.txt",
      message: expect.stringContaining("it changed"),
    });
  });

  it("skips links and special files, and says so", async () => {
    await symlink("/etc/passwd", join(folder, "link"));
    await symlink("models", join(folder, "directory link"));
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const told: string[] = [];
    const summary = await uploadDirectory(share.rootDirectoryClient, folder, {
      onSkip: ({ path, reason }) => told.push(`${path}: ${reason}`),
    });
    const link = "it is a symbolic link";
    const all = [`directory link: ${link}`, `link: ${link}`, "pipe: it is neither a file nor a directory"];
    expect(told.sort()).toEqual(all);
    expect(summary.skipped).toHaveLength(3);
    expect(await hashesIn(shareFolder)).toEqual(hashesOf(files));
  });

  it("names the folder or the file that cannot be uploaded, and never the key", async () => {
    const missing = await rejectionOf(uploadDirectory(share.rootDirectoryClient, join(folder, "none")));
    expect(missing).toMatchObject({ name: "TransferError", code: "ENOENT" });
    const otherKey = randomBytes(64).toString("base64");
    const refused = await rejectionOf(uploadDirectory(shareWith(otherKey).getDirectoryClient("new"), folder));
    expect(refused).toMatchObject({ name: "TransferError", code: "AuthenticationFailed", path: "new" });
    await writeFile(join(folder, "what?"), "");
    const name = await rejectionOf(uploadDirectory(share.rootDirectoryClient, folder));
    expect(name).toMatchObject({ name: "TransferError", path: "what?", code: "InvalidResourceName" });
    for (const { message } of [missing, refused, name]) {
      expect(message).toMatch(/^uploadDirectory: /);
      expect(message).not.toContain(otherKey);
    }
  });
});
