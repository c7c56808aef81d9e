import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { downloadOutputDirectory } from "../../src/transfer/index.ts";
import type { File } from "../../src/index.ts";
import type { SkippedEntry } from "../../src/transfer/index.ts";
import { rejectionOf } from "../sdk/fixtures.ts";
import { JobsOfService } from "../sdk/jobsOfService.ts";
import { hashesIn } from "../transfer/folders.ts";
import type { ArmAnswer } from "./arm.ts";
import { withFolder } from "./serviceProcess.ts";

let service: JobsOfService;
/** The output directory of the job on this machine. */
let output: string;

beforeAll(async () => {
  service = await JobsOfService.start();
  const names = await service.submit("job", "true");
  await service.client.jobs.waitForCompletion(...names);
  const { jobOutputDirectoryPathSegment = "" } = await service.client.jobs.get(...names);
  const { accountName } = service.embedded.service.connection.storage;
  output = join(service.embedded.folder, "files", accountName, "logs", jobOutputDirectoryPathSegment, "outputs");
});
afterAll(() => service.close());

/** Names that clients of Azure Files can address. */
const fine = [
  "100%.txt",
  "what?",
  "#1",
  'it\'s "quoted"',
  "a dot.",
  "two dots..",
  "a blank ",
  " blank",
  "a:b|c<d>e*",
  "%2e%2e",
  "CON",
  "größe 💾",
  "\u2028\uFFFE",
  "x".repeat(255),
  "é".repeat(127),
  "+&=;,@$!~()[]{}^`",
];
/** Names that clients of Azure Files cannot address. */
const odd = ["line\nbreak", "tab\t", "back\\slash", "\u0001", "\u007F", "...", "carriage\rreturn", "\u001B[31m"];

function list(query: Record<string, string>): Promise<ArmAnswer> {
  const { arm } = service.embedded;
  const all = new URLSearchParams({ "api-version": "2018-05-01", outputdirectoryid: "OUT", ...query });
  return arm.send("POST", `${arm.jobPath("job")}/listOutputFiles`, undefined, { query: all.toString() });
}

/** Reads all pages. Returns their entries. */
async function listAll(
  query: Record<string, string>,
  between?: (page: number) => Promise<void>,
): Promise<Record<string, unknown>[][]> {
  const pages: Record<string, unknown>[][] = [];
  for (let answer = await list(query); ;) {
    expect(answer.status, answer.text).toBe(200);
    pages.push(answer.body.value ?? []);
    const next = answer.body.nextLink;
    if (typeof next !== "string") return pages;
    await between?.(pages.length);
    answer = await service.embedded.arm.send("POST", next, undefined, { query: "" });
  }
}

describe("names that Azure Files does not allow", () => {
  beforeAll(async () => {
    for (const name of [...fine, ...odd]) {
      await mkdir(join(output, "names", "inside", name), { recursive: true });
      await writeFile(join(output, "names", name), name);
      await writeFile(join(output, "names", "inside", name, "file"), name);
    }
    // Not UTF-8, twice the same text.
    for (const byte of [0xff, 0xfe]) {
      const path = Buffer.concat([Buffer.from(join(output, "names/invalid-")), Buffer.from([byte])]);
      await writeFile(path, "");
    }
    await writeFile(join(output, "names", "invalid-\uFFFD-"), "");
  });
  afterAll(() => rm(join(output, "names"), { recursive: true }));

  it.each(["1000", "1", "7"])("are listed without a download URL, in pages of %s", async (maxresults) => {
    const pages = await listAll({ directory: "names", maxresults });
    const entries = pages.flat().filter(({ fileType }) => fileType === "file");
    const names = entries.map(({ name }) => String(name));
    expect([...names].sort()).toEqual([...fine, ...odd, "invalid-\uFFFD-"].sort());
    expect(entries.filter(({ downloadUrl }) => downloadUrl === undefined).map(({ name }) => name)).toEqual(
      names.filter((name) => odd.includes(name)),
    );
    for (const { name, downloadUrl, properties } of entries) {
      expect((properties as File).contentLength).toBe(
        String(name).startsWith("invalid") ? 0 : Buffer.byteLength(String(name)),
      );
      if (downloadUrl === undefined || String(name).startsWith("invalid")) continue;
      const response = await fetch(downloadUrl as string);
      expect([response.status, await response.text()]).toEqual([200, name]);
    }
  });

  it("may be names of directories", async () => {
    const directories = (await listAll({ directory: "names/inside" })).flat();
    expect(directories.map(({ name }) => String(name)).sort()).toEqual([...fine, ...odd].sort());
    for (const name of [...fine, ...odd].filter((one) => !one.includes("\\"))) {
      const [file, ...others] = (await listAll({ directory: `names/inside/${name}` })).flat();
      expect(others).toEqual([]);
      expect(file).toMatchObject({
        name: "file",
        fileType: "file",
        properties: { contentLength: Buffer.byteLength(name) },
      });
      expect(file?.downloadUrl !== undefined, name).toBe(fine.includes(name));
    }
    // A backslash never separates names, and is rejected because it looks as if it did.
    expect((await list({ directory: "names/inside/back\\slash" })).status).toBe(400);
    for (const absent of ["x".repeat(256), "absent\n", `${"d/".repeat(300)}d`, "names/100%.txt/below"]) {
      expect((await list({ directory: absent })).body.value).toEqual([]);
    }
  });

  it("are skipped by downloads of a directory, and cannot be read", async () => {
    const { jobs } = service.client;
    const names = ["group", "work", "exp", "job"] as const;
    await withFolder(async (folder) => {
      const skipped: SkippedEntry[] = [];
      const [resourceGroupName, workspaceName, experimentName, jobName] = names;
      const source = {
        resourceGroupName,
        workspaceName,
        experimentName,
        jobName,
        outputDirectoryId: "OUT",
        directory: "names",
      };
      await downloadOutputDirectory(jobs, source, folder, { onSkip: (entry) => skipped.push(entry) });
      const expected = [...fine, ...fine.map((name) => `inside/${name}/file`), "invalid-\uFFFD-"];
      expect(Object.keys(await hashesIn(folder)).sort()).toEqual(expected.sort());
      const reason = "it has no download URL, because Azure Files does not allow its path";
      const invalid = "its name is not a valid file name";
      const fileOf = (name: string): SkippedEntry[] =>
        name.includes("\\")
          ? [
              { path: name, reason: invalid },
              { path: `inside/${name}`, reason: invalid },
            ]
          : [
              { path: name, reason },
              { path: `inside/${name}/file`, reason },
            ];
      expect(skipped.sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual(
        odd.flatMap(fileOf).sort((a, b) => (a.path < b.path ? -1 : 1)),
      );
    });
    for (const name of odd) {
      expect(await rejectionOf(jobs.readOutputFile(...names, "OUT", `names/${name}`)), name).toMatchObject(
        name.includes("\\")
          ? { code: "DownloadLinkMissing" }
          : { code: "DownloadLinkMissing", message: expect.stringContaining("[DownloadLinkMissing]") as string },
      );
    }
  });
});

describe("download URLs", () => {
  it("permit nothing but reading", async () => {
    await mkdir(join(output, "granted"), { recursive: true });
    await writeFile(join(output, "granted", "file"), "content");
    const [file] = (await list({ directory: "granted" })).body.value ?? [];
    const url = new URL(String(file?.downloadUrl));
    expect(url.searchParams.get("sp")).toBe("r");
    expect(await (await fetch(url)).text()).toBe("content");
  });
});

describe("pages of output files", () => {
  const nameOf = (index: number): string => `${String(index).padStart(5, "0")}.ckpt`;

  it.each([120, 12_000])("show each of %i files once while others come and go", async (size) => {
    const folder = join(output, `changing-${size}`);
    await mkdir(folder, { recursive: true });
    for (let index = 0; index < size; index += 2) await writeFile(join(folder, nameOf(index)), "");
    await symlink("nowhere", join(folder, "00001-link"));
    const pages = await listAll({ directory: `changing-${size}`, maxresults: String(size / 12) }, async (page) => {
      await rename(join(folder, nameOf(0 + (page - 1) * 2)), join(folder, nameOf(size - page * 2 + 1)));
      await writeFile(join(folder, nameOf(page * 2 - 1)), "");
    });
    const names = pages.flat().map(({ name }) => String(name));
    expect(names).toEqual([...new Set(names)].sort());
    const missing = Array.from({ length: size / 2 }, (_, index) => nameOf(index * 2)).filter(
      (name) => !names.includes(name),
    );
    expect(missing).toEqual([]);
    expect(pages.slice(0, -1).every(({ length }) => length === size / 12)).toBe(true);
  });

  it("are full although there are links, and begin with what was just written", async () => {
    const folder = join(output, "full");
    await mkdir(folder, { recursive: true });
    for (let index = 0; index < 3000; index++)
      await symlink("nowhere", join(folder, `${String(index).padStart(4, "0")}-link`));
    for (let index = 0; index < 5; index++) await writeFile(join(folder, `file-${index}`), "");
    expect((await listAll({ directory: "full", maxresults: "2" })).map(({ length }) => length)).toEqual([2, 2, 1]);
    for (let index = 0; index < 200; index++) {
      const name = String(1000 - index).padStart(4, "0");
      await writeFile(join(folder, name), "");
      expect((await list({ directory: "full", maxresults: "1" })).body.value?.[0]?.name).toBe(name);
    }
  });

  it.each(["MTAw", "x", "%", "L2E=", "", `${"L2E".repeat(2)}*`])(
    "reject the token %j, which no page has given out",
    async (token) => {
      const { status, body } = await list({ directory: "full", $skiptoken: token });
      expect([status, body.error?.code, body.error?.target]).toEqual([400, "InvalidParameter", "$skiptoken"]);
    },
  );
});
