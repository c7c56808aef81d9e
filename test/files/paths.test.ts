import { execFileSync, spawn } from "node:child_process";
import { mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ShareClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { everything } from "./signedRequest.ts";
import { account, rawRequest, refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

const secret = "this text lies outside the share";

/** Alternates between a directory and a link to the neighbor under one name, as fast as possible. */
const swapProgram = `
  const { renameSync } = require("node:fs");
  const { join } = require("node:path");
  const folder = process.argv[1];
  const at = (name) => join(folder, name);
  for (;;) {
    for (const name of ["real", "trap"]) {
      renameSync(at(name), at("swapped"));
      renameSync(at("swapped"), at(name));
    }
  }
`;

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("walled");
  await share.create();
  await fixture.client.createShare("neighbour");
  folder = fixture.service.shareFolder(account.name, "walled") ?? "";
  await mkdir(join(folder, "dir"));
  await writeFile(join(folder, "dir", "inside.txt"), "inside");
  await writeFile(join(folder, "..", "neighbour", "secret.txt"), secret);
  await writeFile(join(fixture.dataDir, "secret.txt"), secret);
});
afterAll(() => fixture.close());

const escapes = [
  "..",
  "../neighbour/secret.txt",
  "../../secret.txt",
  "dir/../../neighbour/secret.txt",
  "dir/../../../secret.txt",
  "./dir/inside.txt",
  "dir/./inside.txt",
  "%2e%2e/neighbour/secret.txt",
  "%2E%2E/%2E%2E/secret.txt",
  ".%2e/neighbour/secret.txt",
  "dir/%2e%2e/%2e%2e/%2e%2e/secret.txt",
  "..%2fneighbour%2fsecret.txt",
  "..%2F..%2Fsecret.txt",
  "dir%2f..%2f..%2fneighbour%2fsecret.txt",
  "%252e%252e/neighbour/secret.txt",
  "..\\neighbour\\secret.txt",
  "..%5cneighbour%5csecret.txt",
  "dir%5C..%5C..%5Csecret.txt",
  "..%c0%afneighbour",
  "%c0%ae%c0%ae/neighbour/secret.txt",
  "%uff0e%uff0e/secret.txt",
  "...",
  "..../secret.txt",
  "..;/neighbour/secret.txt",
  "/etc/passwd",
  "//etc/passwd",
  "dir//inside.txt",
  "%2fetc%2fpasswd",
  "file:///etc/passwd",
  "dir/inside.txt%00",
  "dir/inside.txt%00.png",
  "%00",
  "dir/inside.txt%0a",
  "%7f",
  "con%1f",
  "~/secret.txt",
  "%",
  "%zz",
  "%e0%80",
  "a".repeat(256),
  "%C3%A9".repeat(200),
  `${"b/".repeat(251)}c`,
  `${"d".repeat(250)}/`.repeat(9),
];

describe("a path that may lead out of the share", () => {
  it.each(escapes)("%s is rejected for reading, writing and deleting", async (path) => {
    const before = await readdir(fixture.dataDir, { recursive: true });
    for (const [method, query, headers] of [
      ["GET", "", {}],
      ["HEAD", "", {}],
      ["GET", "restype=directory&comp=list&", {}],
      ["PUT", "", { "x-ms-content-length": "3", "x-ms-type": "file" }],
      ["PUT", "restype=directory&", {}],
      ["DELETE", "", {}],
      ["DELETE", "restype=directory&", {}],
    ] as const) {
      const address = `/${account.name}/walled/${path}?${query}${everything()}`;
      const answer = await rawRequest(fixture.service, method, address, headers);
      expect(answer.status, `${method} ${query}`).toBeGreaterThanOrEqual(400);
      expect(answer.status, `${method} ${query}`).toBeLessThan(500);
      expect(answer.headers["x-ms-error-code"]).toMatch(/^[A-Z][A-Za-z0-9]+$/);
      expect(answer.body).not.toContain(secret);
      if (method !== "HEAD") expect(answer.body).toMatch(/^\uFEFF<\?xml .*<Error><Code>/);
    }
    expect(await readdir(fixture.dataDir, { recursive: true })).toEqual(before);
  });

  it("is also rejected as an account or share", async () => {
    const roots = ["/", "/..", "/../testaccount", "/testaccount/..", "/testaccount/../..", "/TESTACCOUNT/walled"];
    for (const path of roots) {
      const answer = await rawRequest(fixture.service, "GET", `${path}?comp=list&${everything()}`);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
    }
    const absolute = await rawRequest(fixture.service, "GET", "http://evil.example/testaccount/walled");
    expect(absolute.status).toBe(400);
  });

  it("is decoded once, not twice", async () => {
    const address = `/${account.name}/walled/%252e%252e%252fsecret.txt?restype=directory&${everything()}`;
    expect((await rawRequest(fixture.service, "PUT", address)).status).toBe(201);
    expect(await readdir(folder)).toContain("%2e%2e%2fsecret.txt");
  });

  it("is not created if Windows does not allow its name", async () => {
    for (const name of ['quo"te', "pi|pe", "co:lon", "le<ss", "mo>re", "st*ar"]) {
      expect(await refusal(share.createDirectory(name))).toMatchObject({ status: 400, code: "InvalidResourceName" });
    }
    const question = `/${account.name}/walled/a%3Fb?restype=directory&${everything()}`;
    expect((await rawRequest(fixture.service, "PUT", question)).status).toBe(400);
    await writeFile(join(folder, "12:30.log"), "a job may");
    const file = share.rootDirectoryClient.getFileClient("12:30.log");
    expect((await file.downloadToBuffer()).toString()).toBe("a job may");
  });

  it("loses trailing dots as in SMB, unless the client keeps them", async () => {
    await share.createDirectory("dotted...");
    expect(await readdir(folder)).toContain("dotted");
    await writeFile(join(folder, "ends."), "by a job");
    expect((await share.rootDirectoryClient.getFileClient("ends.").downloadToBuffer()).toString()).toBe("by a job");
  });
});

describe("an entry that is neither file nor directory", () => {
  beforeAll(async () => {
    await symlink(join(fixture.dataDir, "secret.txt"), join(folder, "link.txt"));
    await symlink(join(folder, "..", "neighbour"), join(folder, "link-dir"));
    await symlink("/", join(folder, "dir", "root"));
    await symlink("dir", join(folder, "link-inside"));
    await symlink("loop", join(folder, "loop"));
    await symlink("nowhere", join(folder, "dangling"));
    execFileSync("mkfifo", [join(folder, "pipe")]);
  });

  const links = ["link.txt", "link-dir/secret.txt", "dir/root/etc/passwd", "link-inside/inside.txt"].concat([
    "loop",
    "dangling",
    "pipe",
  ]);

  it.each(links)("%s is never read", async (path) => {
    const file = share.getDirectoryClient(join(path, "..")).getFileClient(join("/", path).split("/").at(-1) ?? "");
    expect((await refusal(file.download())).status).toBe(404);
    expect((await refusal(file.getProperties())).status).toBe(404);
  });

  it.each(links)("%s is never written, replaced or deleted", async (path) => {
    const file = share.getDirectoryClient(join(path, "..")).getFileClient(join("/", path).split("/").at(-1) ?? "");
    for (const attempt of [
      () => file.create(3),
      () => file.uploadRange("abc", 0, 3),
      () => file.resize(0),
      () => file.setMetadata({ a: "b" }),
      () => file.delete(),
    ]) {
      const { status } = await refusal(attempt());
      expect([404, 409]).toContain(status);
    }
    expect(await readFile(join(fixture.dataDir, "secret.txt"), "utf8")).toBe(secret);
    expect(await readFile(join(folder, "..", "neighbour", "secret.txt"), "utf8")).toBe(secret);
  });

  it("is not listed, and no directory is listed or created through it", async () => {
    const names = [];
    for await (const entry of share.rootDirectoryClient.listFilesAndDirectories()) names.push(entry.name);
    for (const name of ["link.txt", "link-dir", "link-inside", "loop", "dangling", "pipe"]) {
      expect(names).not.toContain(name);
    }
    for (const path of ["link-dir", "dir/root", "link-inside", "loop"]) {
      const directory = share.getDirectoryClient(path);
      expect((await refusal(directory.listFilesAndDirectories().next())).status).toBe(404);
      expect((await refusal(directory.getDirectoryClient("new").create())).status).toBe(404);
      expect((await refusal(directory.delete())).status).toBe(404);
      expect(await fixture.service.list(account.name, "walled", path)).toBeUndefined();
    }
  });

  it("is neither read nor written, even if a job keeps swapping a directory for a link", async () => {
    await writeFile(join(folder, "..", "neighbour", "inside.txt"), secret);
    await mkdir(join(folder, "real"));
    await writeFile(join(folder, "real", "inside.txt"), "inside");
    await symlink(join(folder, "..", "neighbour"), join(folder, "trap"));
    const swapping = spawn(process.execPath, ["--eval", swapProgram, folder], { stdio: "ignore" });
    onTestFinished(() => void swapping.kill());
    const ended = new Promise((resolve) => swapping.once("exit", resolve));
    const address = `/${account.name}/walled/swapped/inside.txt?${everything()}`;
    const seen = new Set<string>();
    const sizes = new Set<number>();
    for (let attempt = 0; attempt < 2000; attempt++) {
      const { status, headers, body } = await rawRequest(fixture.service, "GET", address);
      seen.add(status === 200 ? body : String(headers["x-ms-error-code"]));
      const looked = await rawRequest(fixture.service, "HEAD", address);
      if (looked.status === 200) sizes.add(Number(looked.headers["content-length"]));
    }
    const neighbour = join(folder, "..", "neighbour");
    const before = (await readdir(neighbour)).sort();
    const written = new Set<number>();
    // Repeats until one request of each kind has found the directory in its place.
    for (let attempt = 0; attempt < 100 || !written.has(200) || !written.has(201); attempt++) {
      const at = (name: string) => `/${account.name}/walled/${name}-${attempt}`;
      const sent = { "x-ms-content-length": "5", "x-ms-type": "file" };
      const put = await rawRequest(fixture.service, "PUT", `${at("swapped/put")}?${everything()}`, sent, "abcde");
      await rawRequest(fixture.service, "PUT", `${at("mover")}?${everything()}`, sent);
      const source = { "x-ms-file-rename-source": `${fixture.service.endpoint}${at("mover")}?${everything()}` };
      const moved = await rawRequest(
        fixture.service,
        "PUT",
        `${at("swapped/moved")}?comp=rename&${everything()}`,
        source,
      );
      const made = await rawRequest(fixture.service, "PUT", `${at("swapped/made")}?restype=directory&${everything()}`);
      for (const { status } of [put, moved, made]) written.add(status);
    }
    swapping.kill();
    await ended;
    expect((await readdir(neighbour)).sort()).toEqual(before);
    expect([...written].filter((status) => ![200, 201, 404].includes(status))).toEqual([]);
    expect(written).toContain(201);
    expect(written).toContain(200);
    expect(seen).toContain("inside");
    expect([...sizes]).toEqual(["inside".length]);
    expect([...seen].filter((text) => !["inside", "ResourceNotFound", "ParentNotFound"].includes(text))).toEqual([]);
  });

  it("does not prevent the deletion of its share, and is not followed", async () => {
    await share.delete();
    expect(await readFile(join(fixture.dataDir, "secret.txt"), "utf8")).toBe(secret);
    expect(await readFile(join(fixture.dataDir, account.name, "neighbour", "secret.txt"), "utf8")).toBe(secret);
  });
});
