import { existsSync } from "node:fs";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MountVolumes } from "../../src/models/mountVolumes.ts";
import { silentLogger } from "../../src/service/logger.ts";
import { Mounts } from "../../src/service/volumes/mounts.ts";
import type { VolumeHost, VolumeOwner } from "../../src/service/volumes/volume.ts";
import { attachVolumes, locationOnVolume, resourcesNeededBy, volumeIssues } from "../../src/service/volumes/volumes.ts";

const workspace = "/subscriptions/s/resourceGroups/g/providers/Microsoft.BatchAI/workspaces/w";
const serverId = `${workspace}/fileservers/server`;

function share(relativeMountPath: string, azureFileUrl = "https://acct.file.core.windows.net/one") {
  return { accountName: "acct", azureFileUrl, credentials: { accountKey: "key" }, relativeMountPath };
}

function server(relativeMountPath: string, sourceDirectory?: string) {
  return { fileServer: { id: serverId }, relativeMountPath, ...(sourceDirectory ? { sourceDirectory } : {}) };
}

describe("problems of volumes", () => {
  const blob = { accountName: "acct", containerName: "data", credentials: { accountKey: "key" } };
  const cases: [string, MountVolumes, string | undefined][] = [
    ["a share beside a share", { azureFileShares: [share("a"), share("ab")] }, undefined],
    ["two shares at one path", { azureFileShares: [share("a"), share("a")] }, "azureFileShares[1]"],
    ["one path in two spellings", { azureFileShares: [share("a/b"), share("./a//b/")] }, "azureFileShares[1]"],
    ["a share inside a share", { azureFileShares: [share("a"), share("a/b")] }, "azureFileShares[1]"],
    ["a share above a share", { azureFileShares: [share("a/b/c"), share("a")] }, "azureFileShares[1]"],
    ["a file server inside a share", { azureFileShares: [share("a")], fileServers: [server("a/b")] }, "fileServers[0]"],
    [
      "a file server above a share",
      { azureFileShares: [share("a//b/")], fileServers: [server("./a")] },
      "fileServers[0]",
    ],
    ["two file servers", { fileServers: [server("a"), server("b"), server("b/c")] }, "fileServers[2]"],
    ["a name that no file system takes", { azureFileShares: [share("é".repeat(128))] }, "azureFileShares[0]"],
    ["the longest name", { azureFileShares: [share("x".repeat(255))] }, undefined],
    ["a path of its own in no folder", { azureFileShares: [share("./")] }, "azureFileShares[0]"],
  ];
  it.each(cases)("%s", (_, volumes, culprit) => {
    const paths = volumeIssues(volumes, "properties.mountVolumes").map(({ path }) => path);
    expect(paths).toEqual(culprit === undefined ? [] : [`properties.mountVolumes.${culprit}.relativeMountPath`]);
  });

  it.each(["", ".", "/abs", "..", "a/../..", "a/../b", "../a", "a\0b"])("a mount path must not be %j", (path) => {
    expect(volumeIssues({ fileServers: [server(path)] }, "v")).toEqual([
      {
        path: "v.fileServers[0].relativeMountPath",
        message: "must be a relative path below the mount root, without '..'",
      },
    ]);
  });

  it("include overlaps of all kinds", () => {
    const volumes = {
      azureFileShares: [share("a")],
      azureBlobFileSystems: [{ ...blob, relativeMountPath: "b" }],
      unmanagedFileSystems: [{ mountCommand: "mount", relativeMountPath: "b/c" }],
    };
    expect(volumeIssues(volumes, "v").map(({ path }) => path)).toEqual(["v.unmanagedFileSystems[0].relativeMountPath"]);
  });

  it.each([
    [{ ...blob, containerName: "$root" }, "containerName", "the system container $root cannot be mounted"],
    [{ ...blob, containerName: "ab" }, "containerName", "must be 3 to 63 lowercase letters"],
    [{ ...blob, containerName: "a/../b" }, "containerName", "must be 3 to 63 lowercase letters"],
    [{ ...blob, accountName: "evil.example/" }, "accountName", "must be 3 to 24 letters and digits"],
    [{ ...blob, credentials: {} }, "credentials.accountKey", "is required"],
    [
      { ...blob, credentials: { accountKeySecretReference: { sourceVault: { id: "v" }, secretUrl: "u" } } },
      "credentials.accountKeySecretReference",
      "Key Vault cannot be reached",
    ],
  ])("of the container %j are named", (reference, property, message) => {
    const [issue, ...others] = volumeIssues({ azureBlobFileSystems: [{ ...reference, relativeMountPath: "b" }] }, "v");
    expect(issue?.path).toBe(`v.azureBlobFileSystems[0].${property}`);
    expect(issue?.message).toContain(message);
    expect(others).toEqual([]);
  });

  it("include modes that are not octal, and commands that are empty", () => {
    const volumes = {
      azureFileShares: [{ ...share("a"), fileMode: "rwx", directoryMode: "0755" }],
      unmanagedFileSystems: [{ mountCommand: " ", relativeMountPath: "b" }],
    };
    expect(volumeIssues(volumes, "v").map(({ path }) => path)).toEqual([
      "v.azureFileShares[0].fileMode",
      "v.unmanagedFileSystems[0].mountCommand",
    ]);
  });

  it("are named by the reference at fault", () => {
    const azureFileShares = [{ ...share("a"), credentials: {} }];
    expect(volumeIssues({ azureFileShares, fileServers: [server("b", "../c")] }, "v")).toEqual([
      { path: "v.azureFileShares[0].credentials.accountKey", message: "is required" },
      { path: "v.fileServers[0].sourceDirectory", message: "must be a path on the file server, without '..'" },
    ]);
  });
});

it("the resources that volumes need are named by their property", () => {
  expect(resourcesNeededBy({ azureFileShares: [share("a")], fileServers: [server("b"), server("c")] }, "v")).toEqual([
    { kind: "fileServers", id: serverId, property: "v.fileServers[0].fileServer.id" },
    { kind: "fileServers", id: serverId, property: "v.fileServers[1].fileServer.id" },
  ]);
});

describe("attaching volumes", () => {
  let folder: string;
  let root: string;
  let owner: VolumeOwner;
  let host: VolumeHost;
  const signal = new AbortController().signal;

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "batchai-volumes-")));
    root = join(folder, "root");
    owner = { name: "c-1", mountRoot: root };
    for (const name of ["one", "two"]) await mkdir(join(folder, "shares", name), { recursive: true });
    host = {
      accountNames: ["acct", "other"],
      holdsKey: (_, key) => key === "key",
      findShare: ({ shareName }) =>
        existsSync(join(folder, "shares", shareName))
          ? { folder: join(folder, "shares", shareName) }
          : { problem: `there is no ${shareName}` },
      fileEndpoint: (accountName) => `http://127.0.0.1:1/${accountName}`,
      fileServerFolder: (id) => (id === serverId ? join(folder, "server") : undefined),
      storageSuffix: "core.windows.net",
      mounts: new Mounts(folder, silentLogger),
      nameFor: () => "1",
    };
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  const attach = (volumes: MountVolumes) => attachVolumes(volumes, owner, host, signal);
  const information = async (volumes: MountVolumes): Promise<string> => {
    const error = await attach(volumes).then(
      () => undefined,
      (reason: unknown) => reason as { details: { name: string; value: string }[] },
    );
    return error?.details.find(({ name }) => name === "Info")?.value ?? "";
  };

  it("takes the longest names that a file system has", async () => {
    const [mount] = await attach({ azureFileShares: [share(`${"a".repeat(255)}/${"b".repeat(255)}`)] });
    expect(await readlink(mount?.target ?? "")).toBe(join(folder, "shares/one"));
  });

  it("are not linked any more once the run is stopped, however late a volume is found", async () => {
    await attach({ azureFileShares: [share("v")] });
    const stop = new AbortController();
    const late: VolumeHost = {
      ...host,
      findShare: (name) => {
        stop.abort();
        return host.findShare(name);
      },
    };
    const volumes = { azureFileShares: [share("v", "https://acct.file.core.windows.net/two")] };
    await expect(attachVolumes(volumes, owner, late, stop.signal)).rejects.toMatchObject({ name: "AbortError" });
    expect(await readlink(join(root, "v"))).toBe(join(folder, "shares/one"));
  });

  it("shows each at its path, with the share that it is", async () => {
    const two = "http://127.0.0.1:1/acct/two/";
    const mounts = await attach({
      azureFileShares: [share("./deep//er/"), share("two", two)],
      fileServers: [server("nfs", "projects/one/")],
    });
    expect(mounts).toEqual([
      {
        source: join(folder, "shares/one"),
        target: join(root, "deep/er"),
        share: { accountName: "acct", shareName: "one" },
      },
      {
        source: join(folder, "shares/two"),
        target: join(root, "two"),
        share: { accountName: "acct", shareName: "two" },
      },
      { source: join(folder, "server/projects/one"), target: join(root, "nfs") },
    ]);
    for (const { source, target } of mounts) expect(await readlink(target)).toBe(source);
    expect(locationOnVolume(join(root, "two/a/b"), mounts)).toEqual({
      share: { accountName: "acct", shareName: "two", path: "a/b" },
    });
    expect(locationOnVolume(join(root, "deep/er"), mounts)).toMatchObject({ share: { shareName: "one", path: "" } });
    expect(locationOnVolume(join(root, "two2"), mounts)).toEqual({});
    expect(locationOnVolume(join(root, "nfs/a"), mounts)).toEqual({});
  });

  it("keeps a link that is right, and replaces one that leads elsewhere", async () => {
    await attach({ azureFileShares: [share("a/b")] });
    const before = await lstat(join(root, "a/b"));
    await attach({ azureFileShares: [share("a/b")] });
    expect((await lstat(join(root, "a/b"))).ino).toBe(before.ino);
    await attach({ azureFileShares: [share("a/b", "https://acct.file.core.windows.net/TWO")] });
    expect(await readlink(join(root, "a/b"))).toBe(join(folder, "shares/two"));
    expect(await readdir(join(root, "a"))).toEqual(["b"]);
  });

  it("puts folders in place of the link of an earlier volume, and creates nothing in that volume", async () => {
    await attach({ azureFileShares: [share("a")] });
    await attach({ azureFileShares: [share("a/b/c")] });
    expect(await readlink(join(root, "a/b/c"))).toBe(join(folder, "shares/one"));
    expect(await readdir(join(folder, "shares/one"))).toEqual([]);
  });

  it("can be done by many runs at the same time", async () => {
    await mkdir(root);
    await symlink("/nowhere", join(root, "a"));
    await symlink("/nowhere", join(root, "nfs"));
    const volumes = { azureFileShares: [share("a/b/c")], fileServers: [server("nfs", "x/y/z")] };
    const all = await Promise.all(Array.from({ length: 40 }, () => attach(volumes)));
    expect(new Set(all.map((mounts) => JSON.stringify(mounts))).size).toBe(1);
    expect(await readlink(join(root, "a/b/c"))).toBe(join(folder, "shares/one"));
    expect((await readdir(root)).sort()).toEqual(["a", "nfs"]);
    expect(await readdir(join(root, "a/b"))).toEqual(["c"]);
  });

  it("names what is in the way, and leaves it there", async () => {
    await mkdir(join(root, "full/content"), { recursive: true });
    await writeFile(join(root, "file"), "mine");
    const failure = (path: string) => ({
      code: "MountFailed",
      message: expect.stringContaining(join(root, path)) as unknown,
    });
    await expect(attach({ azureFileShares: [share("full")] })).rejects.toMatchObject(failure("full is a folder"));
    await expect(attach({ azureFileShares: [share("file")] })).rejects.toMatchObject(failure("file is a file"));
    await expect(attach({ azureFileShares: [share("file/a")] })).rejects.toMatchObject(failure("file is a file"));
    expect(await readFile(join(root, "file"), "utf8")).toBe("mine");
    expect(await readdir(root)).toEqual(["file", "full"]);
  });

  it("rejects volumes that overlap, for example those of a cluster of an earlier version", async () => {
    const overlapping = { azureFileShares: [share("a")], fileServers: [server("a/b")] };
    await expect(attach(overlapping)).rejects.toMatchObject({ code: "InvalidMountPath" });
    expect(existsSync(root)).toBe(false);
  });

  it("rejects a volume that is not a folder", async () => {
    await writeFile(join(folder, "shares/file"), "");
    const file = { azureFileShares: [share("a", "https://acct.file.core.windows.net/file")] };
    await expect(attach(file)).rejects.toMatchObject({
      code: "MountFailed",
      message: `The volume ${join(folder, "shares/file")} is not a folder.`,
    });
  });

  it("stops between two volumes if it is aborted", async () => {
    const controller = new AbortController();
    const { findShare } = host;
    let found = 0;
    host.findShare = (name) => {
      if (++found === 2) controller.abort();
      return findShare(name);
    };
    const volumes = { azureFileShares: [share("a"), share("b"), share("c")] };
    await expect(attachVolumes(volumes, owner, host, controller.signal)).rejects.toMatchObject({ name: "AbortError" });
    expect(await readdir(root)).toEqual(["a"]);
  });

  it.each([
    ["https://elsewhere.file.core.windows.net/one", "which hosts: acct, other."],
    ["https://other.file.core.windows.net/one", "it is not a share of account acct on this service"],
    ["https://acct.file.core.windows.net/none", "there is no none"],
    ["https://acct.file.core.windows.net/one/scripts/a", "the URL names the directory scripts/a in share one."],
    ["http://127.0.0.1:1/acct/one/scripts/", "the URL names the directory scripts in share one."],
    ["https://acct.file.core.windows.net/..", '".." is not a share name.'],
    ["https://acct.file.core.windows.net/", '"" is not a share name.'],
  ])("gives the reason why %s cannot be mounted", async (azureFileUrl, reason) => {
    expect(await information({ azureFileShares: [share("a", azureFileUrl)] })).toContain(reason);
  });

  it("takes a container of a hosted account for the share of that name", async () => {
    const blob = (containerName: string, accountKey = "key") => ({
      accountName: "ACCT",
      containerName,
      credentials: { accountKey },
      relativeMountPath: "blob",
    });
    const mounts = await attach({ azureBlobFileSystems: [blob("one")] });
    const expected = { accountName: "acct", shareName: "one" };
    expect(mounts).toEqual([{ source: join(folder, "shares/one"), target: join(root, "blob"), share: expected }]);
    await expect(attach({ azureBlobFileSystems: [blob("none")] })).rejects.toMatchObject({
      code: "BFSMountError",
      message: "unable to mount blob fuse file system",
    });
    expect(await information({ azureBlobFileSystems: [blob("none")] })).toBe(
      "a container of the account acct is the file share of that name on this service, and there is no none",
    );
    expect(await information({ azureBlobFileSystems: [blob("one", "x")] })).toBe(
      "the account key for acct is missing or wrong.",
    );
  });

  it("says first that a key is wrong", async () => {
    const azureFileShares = [
      { ...share("a", "https://acct.file.core.windows.net/none"), credentials: { accountKey: "x" } },
    ];
    expect(await information({ azureFileShares })).toBe("the account key for acct is missing or wrong.");
  });

  it("never creates anything outside of a file server", async () => {
    await mkdir(join(folder, "outside"));
    await mkdir(join(folder, "server"));
    await symlink(join(folder, "outside"), join(folder, "server/link"));
    await symlink(join(folder, "nowhere"), join(folder, "server/dangling"));
    await writeFile(join(folder, "server/file"), "");
    const reason = (directory: string) => information({ fileServers: [server("nfs", directory)] });
    expect(await reason("link/new/deep")).toContain("link is a symbolic link that leads out of the file server.");
    expect(await reason("dangling/new")).toContain("dangling is a symbolic link to nothing.");
    expect(await reason("file")).toContain("file is a file, not a folder.");
    expect(await reason("file/new")).toContain("file is a file, not a folder.");
    expect(await readdir(join(folder, "outside"))).toEqual([]);
    expect(await readdir(folder)).toEqual(["outside", "server", "shares"]);
    const gone = { fileServer: { id: `${workspace}/fileservers/gone` }, relativeMountPath: "nfs" };
    expect(await information({ fileServers: [gone] })).toBe("the file server no longer exists.");
  });

  it("follows a link that stays in its file server", async () => {
    await mkdir(join(folder, "server/real"), { recursive: true });
    await symlink("real", join(folder, "server/link"));
    const [mount] = await attach({ fileServers: [server("nfs", "link/new")] });
    expect(mount?.source).toBe(join(folder, "server/real/new"));
  });
});
