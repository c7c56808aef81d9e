import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { File, Jobs, OutputFilePart } from "../../src/index.ts";
import { downloadOutputDirectory } from "../../src/transfer/index.ts";
import type {
  OutputDirectoryName,
  OutputFileReader,
  SkippedEntry,
  TransferProgress,
} from "../../src/transfer/index.ts";
import { runNode } from "../examples/runNode.ts";
import { rejectionOf } from "../sdk/fixtures.ts";
import { JobsOfService } from "../sdk/jobsOfService.ts";
import { hashesIn, hashesOf, part, someFiles, writeFiles } from "./folders.ts";

let service: JobsOfService;
let jobs: Jobs;
let source: OutputDirectoryName;
/** The output directory of the job on this machine. */
let original: string;
const files = someFiles();

beforeAll(async () => {
  service = await JobsOfService.start();
  jobs = service.client.jobs;
  const names = await service.submit("output", "true");
  await jobs.waitForCompletion(...names);
  const [resourceGroupName, workspaceName, experimentName, jobName] = names;
  source = { resourceGroupName, workspaceName, experimentName, jobName, outputDirectoryId: "OUT" };
  const { jobOutputDirectoryPathSegment = "" } = await jobs.get(...names);
  const { accountName } = service.embedded.service.connection.storage;
  original = join(service.embedded.folder, "files", accountName, "logs", jobOutputDirectoryPathSegment, "outputs");
});
afterAll(() => service.close());

let folder: string;
beforeEach(async () => {
  await writeFiles(original, files);
  await mkdir(join(original, "nothing"), { recursive: true });
  folder = await mkdtemp(join(tmpdir(), "batchai-download-"));
});
afterEach(async () => {
  await rm(original, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
});

/** Jobs whose reads are seen, and can be tampered with. */
function reading(
  tamper: (path: string, offset: number, read: () => Promise<OutputFilePart>) => Promise<OutputFilePart> = (
    _,
    __,
    read,
  ) => read(),
): OutputFileReader & { reads: string[] } {
  const reads: string[] = [];
  return {
    reads,
    listOutputFiles: (...args) => jobs.listOutputFiles(...args),
    readOutputFile: (...args) => {
      const [path, options] = [args[5], args[6]];
      reads.push(`${path} ${options?.offset ?? 0}`);
      return tamper(path, options?.offset ?? 0, () => jobs.readOutputFile(...args));
    },
  };
}

/** Jobs that list what they are told. */
function listing(entries: File[]): OutputFileReader {
  return {
    listOutputFiles: (...args) => {
      const list = jobs.listOutputFiles(...args);
      const own = args[5]?.directory === undefined ? entries : [];
      return Object.assign(list, { [Symbol.asyncIterator]: () => own.values() });
    },
    readOutputFile: async () => ({ content: Buffer.from("evil"), fileSize: 4 }),
  };
}

const rest = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".partial"));

describe("downloadOutputDirectory", () => {
  it("downloads everything, and leaves it alone when it is there", async () => {
    const steps: TransferProgress[] = [];
    const first = await downloadOutputDirectory(jobs, source, folder, { onProgress: (step) => steps.push(step) });
    expect(await hashesIn(folder)).toEqual(hashesOf(files));
    expect(await readdir(join(folder, "nothing"))).toEqual([]);
    expect(first.files.map(({ path }) => path)).toEqual(Object.keys(files).sort());
    expect(new Set(first.files.map(({ outcome }) => outcome))).toEqual(new Set(["transferred"]));
    expect(first.skipped).toEqual([]);
    const { mtimeMs } = await stat(join(original, "small.txt"));
    expect(Math.floor((await stat(join(folder, "small.txt"))).mtimeMs / 1000)).toBe(Math.floor(mtimeMs / 1000));

    const totalBytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
    expect(steps.at(-1)).toMatchObject({ doneFiles: 6, totalFiles: 6, doneBytes: totalBytes, totalBytes });
    expect(steps.every(({ doneBytes }, index) => doneBytes >= (steps[index - 1]?.doneBytes ?? 0))).toBe(true);

    const again = reading();
    const second = await downloadOutputDirectory(again, source, folder);
    expect(new Set(second.files.map(({ outcome }) => outcome))).toEqual(new Set(["unchanged"]));
    expect(again.reads).toEqual([]);
  });

  it("downloads one directory of it, and the logs", async () => {
    await downloadOutputDirectory(jobs, { ...source, directory: "models/final" }, folder);
    expect(Object.keys(await hashesIn(folder))).toEqual(["größer.bin", "two parts.bin"]);
    const logs = await downloadOutputDirectory(
      jobs,
      { ...source, outputDirectoryId: "stdouterr" },
      join(folder, "new", "logs"),
    );
    expect(logs.files.map(({ path }) => path)).toContain("stdout.txt");
  });

  it("downloads again what has another size or time, and with verify also what has other content", async () => {
    await downloadOutputDirectory(jobs, source, folder);
    // Times are told to the second.
    const downloadedIn = Math.floor(Date.now() / 1000);
    const small = join(original, "small.txt");
    // The clock of the file system lags behind, so its own time decides when the next second has begun.
    const writtenIn = async (): Promise<number> => {
      await writeFile(small, "other\n");
      return Math.floor((await stat(small)).mtimeMs / 1000);
    };
    await expect.poll(writtenIn).toBeGreaterThan(downloadedIn);
    await appendFile(join(original, "empty.txt"), "text");
    const damaged = join(folder, "models", "final", "two parts.bin");
    const { atime, mtime } = await stat(damaged);
    const content = await readFile(damaged);
    content.writeUInt8(content.readUInt8(part + 7) ^ 1, part + 7);
    await writeFile(damaged, content);
    await utimes(damaged, atime, mtime);

    const outcomesOf = async (verify: boolean): Promise<string[]> => {
      const { files: all } = await downloadOutputDirectory(jobs, source, folder, { verify });
      return all.filter(({ outcome }) => outcome !== "unchanged").map(({ path }) => path);
    };
    expect(await outcomesOf(false)).toEqual(["empty.txt", "small.txt"]);
    expect(await outcomesOf(true)).toEqual(["models/final/two parts.bin"]);
    expect(await outcomesOf(true)).toEqual([]);
    expect(await hashesIn(folder)).toEqual(await hashesIn(original));
  });

  it("goes on after an interruption, and shows a file only when it is complete", async () => {
    const controller = new AbortController();
    const onProgress = ({ path, fileBytes }: TransferProgress): void => {
      if (path.includes("größer") && fileBytes === 2 * part) controller.abort();
    };
    const options = { concurrency: 1, onProgress, abortSignal: controller.signal };
    const error = await rejectionOf(downloadOutputDirectory(jobs, source, folder, options));
    expect(error).toMatchObject({ name: "AbortError", message: expect.stringContaining("Start it again") });
    expect(Object.keys(await hashesIn(folder))).not.toContain("models/final/größer.bin");
    expect(await rest()).toHaveLength(1);

    const again = reading();
    const { files: all } = await downloadOutputDirectory(again, source, folder);
    expect(all.find(({ path }) => path.includes("größer"))?.outcome).toBe("resumed");
    expect(again.reads.filter((read) => read.includes("größer"))).toEqual([`models/final/größer.bin ${2 * part}`]);
    expect(await hashesIn(folder)).toEqual(hashesOf(files));
  });

  it("goes on after its process was killed", async () => {
    const script = fileURLToPath(new URL("killedDownload.ts", import.meta.url));
    const { endpoint, subscriptionId, token } = service.embedded.service.connection;
    const path = "models/final/größer.bin";
    const parameters = [JSON.stringify({ endpoint, subscriptionId, token }), JSON.stringify(source), folder];
    const killed = await runNode(script, ...parameters, path, String(2 * part));
    expect(killed).toMatchObject({ exitCode: null, stderr: "" });
    expect(Object.keys(await hashesIn(folder))).not.toContain(path);
    const { files: all } = await downloadOutputDirectory(jobs, source, folder);
    expect(all.find((file) => file.path === path)?.outcome).toBe("resumed");
    expect(await hashesIn(folder)).toEqual(hashesOf(files));
    expect(await rest()).toEqual([]);
  });

  it("starts a file anew that has changed since the interruption, and leaves no rest", async () => {
    const controller = new AbortController();
    const onProgress = ({ path }: TransferProgress): void => {
      if (path.includes("two parts")) controller.abort();
    };
    const options = { concurrency: 1, onProgress, abortSignal: controller.signal };
    await rejectionOf(downloadOutputDirectory(jobs, source, folder, options));
    await appendFile(join(original, "models", "final", "two parts.bin"), "more");
    const { files: all } = await downloadOutputDirectory(jobs, source, folder);
    expect(all.find(({ path }) => path.includes("two parts"))).toMatchObject({
      outcome: "transferred",
      size: 2 * part + 4,
    });
    expect(await hashesIn(folder)).toEqual(await hashesIn(original));
    expect(await rest()).toEqual([]);
  });

  it("asks again for a part that arrives damaged, and gives up in the end", async () => {
    let damages = 3;
    const damaging = reading(async (path, offset, read) => {
      const sound = await read();
      if (!path.includes("two parts") || offset === 0 || damages === 0) return sound;
      damages -= 1;
      const content = Uint8Array.from(sound.content);
      content[5] = (content[5] ?? 0) ^ 1;
      return { ...sound, content };
    });
    await downloadOutputDirectory(damaging, source, folder);
    expect(await hashesIn(folder)).toEqual(hashesOf(files));
    await rm(folder, { recursive: true });
    damages = Infinity;
    const error = await rejectionOf(downloadOutputDirectory(damaging, source, folder));
    expect(error).toMatchObject({ name: "TransferError", path: "models/final/two parts.bin" });
    expect(error.message).toContain(`the part at byte ${part} repeatedly failed its MD5 check`);
  });

  it("begins again when a file changes while it is read, and gives up when it never rests", async () => {
    const path = join(original, "models", "final", "two parts.bin");
    let changes = 2;
    const changing = reading(async (name, offset, read) => {
      if (name.includes("two parts") && offset > 0 && changes > 0) {
        changes -= 1;
        await appendFile(path, "more");
      }
      return read();
    });
    await downloadOutputDirectory(changing, source, folder);
    expect(await hashesIn(folder)).toEqual(await hashesIn(original));
    await appendFile(path, "even more");
    changes = Infinity;
    const error = await rejectionOf(downloadOutputDirectory(changing, source, folder));
    expect(error).toMatchObject({
      name: "TransferError",
      message: expect.stringContaining("it keeps changing during the download"),
    });
  });

  it("has no more files on their way than it may, and stops at the first that fails", async () => {
    let now = 0;
    let most = 0;
    const counting = reading(async (_, __, read) => {
      now += 1;
      most = Math.max(most, now);
      const answer = await read();
      now -= 1;
      return answer;
    });
    await downloadOutputDirectory(counting, source, folder, { concurrency: 2 });
    expect(most).toBe(2);

    await rm(folder, { recursive: true });
    const failing = reading(async (path, _, read) => {
      if (path === "empty.txt") throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      return read();
    });
    const error = await rejectionOf(downloadOutputDirectory(failing, source, folder, { concurrency: 1 }));
    expect(error).toMatchObject({
      ...{ name: "TransferError", code: "ENOSPC", path: "empty.txt" },
      message: "downloadOutputDirectory: empty.txt: no space left on device [ENOSPC]",
    });
    expect(failing.reads.at(-1)).toBe("empty.txt 0");
  });

  it.each([0, 1.5, -1])("refuses %d files at a time", async (concurrency) => {
    const error = await rejectionOf(downloadOutputDirectory(jobs, source, folder, { concurrency }));
    expect(error).toMatchObject({ name: "TypeError", message: expect.stringContaining("options.concurrency") });
  });

  it("says that there is no such job", async () => {
    const error = await rejectionOf(downloadOutputDirectory(jobs, { ...source, jobName: "none" }, folder));
    expect(error).toMatchObject({ code: "JobNotFound" });
  });
});

describe("names of the service do not lead out of the folder", () => {
  it("when they are no names of files", async () => {
    const names = [
      "../evil",
      "..",
      ".",
      "",
      "/etc/evil",
      "a/b",
      "a\\..\\b",
      "nul\0l",
      `.batchai-${"0".repeat(32)}.partial`,
    ];
    const entries: File[] = names.map((name) => ({ name, fileType: "file", contentLength: 4 }));
    const downloadUrl = "https://storage.example/good?sig=x";
    entries.push(
      { name: "..", fileType: "directory" },
      { name: "good", fileType: "file", contentLength: 4, downloadUrl },
    );
    entries.push({ name: "good", fileType: "file" }, { name: "odd", fileType: "pipe" });
    const skipped: SkippedEntry[] = [];
    const target = join(folder, "target");
    const summary = await downloadOutputDirectory(listing(entries), source, target, {
      onSkip: (entry) => skipped.push(entry),
    });
    expect(await readdir(folder, { recursive: true })).toEqual(["target", "target/good"]);
    expect(summary.files.map(({ path }) => path)).toEqual(["good"]);
    expect(summary.skipped.map(({ path }) => path)).toEqual([...names, "..", "good", "odd"]);
    expect(skipped).toEqual(summary.skipped);
  });

  it("when a link in the folder has the name of a directory", async () => {
    const outside = join(folder, "outside");
    const target = join(folder, "target");
    await mkdir(outside);
    await mkdir(target);
    await symlink(outside, join(target, "models"));
    const error = await rejectionOf(downloadOutputDirectory(jobs, source, target));
    expect(error).toMatchObject({ name: "TransferError", path: "models", message: expect.stringContaining("links") });
    expect(await readdir(outside)).toEqual([]);
  });

  it("when a link in the folder has the name of a file", async () => {
    const outside = join(folder, "outside.txt");
    const target = join(folder, "target");
    await writeFile(outside, "mine\n");
    await mkdir(target);
    await symlink(outside, join(target, "small.txt"));
    await downloadOutputDirectory(jobs, source, target);
    expect(await readFile(outside, "utf8")).toBe("mine\n");
    expect(await hashesIn(target)).toEqual(hashesOf(files));
  });

  it("and a directory in the place of a file is an error that leaves no rest", async () => {
    await mkdir(join(folder, "small.txt"));
    const error = await rejectionOf(downloadOutputDirectory(jobs, source, folder));
    expect(error).toMatchObject({ name: "TransferError", path: "small.txt", code: "EISDIR" });
  });
});
