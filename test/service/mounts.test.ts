import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ShareServiceClient, StorageSharedKeyCredential } from "@azure/storage-file-share";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isMountPoint, mountsBelow } from "../../src/ground/mountTable.ts";
import { removeTree } from "../../src/ground/removeTree.ts";
import { silentLogger } from "../../src/service/logger.ts";
import { MountFailure } from "../../src/service/volumes/mountCommand.ts";
import { Mounts, type CommandFor } from "../../src/service/volumes/mounts.ts";
import { EmbeddedService } from "./embeddedService.ts";
import { mountObstacle } from "./mountObstacle.ts";

const obstacle = mountObstacle();

describe.skipIf(obstacle !== undefined)(`mounts${obstacle ? ` (skipped: ${obstacle})` : ""}`, () => {
  let folder: string;
  let theirs: string;
  let mounts: Mounts;
  const running = new AbortController().signal;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "batchai mounts\\"));
    theirs = join(folder, "theirs");
    await mkdir(theirs);
    await writeFile(join(theirs, "precious"), "kept");
    mounts = new Mounts(join(folder, "roots"), silentLogger, { mountInMs: 20_000, flushInMs: 300 });
  });

  afterEach(async () => {
    await mounts.close([]);
    expect(mountsBelow(folder)).toEqual([]);
    expect(await readFile(join(theirs, "precious"), "utf8")).toBe("kept");
    await rm(folder, { recursive: true });
  });

  const bash =
    (script: string): CommandFor =>
    ({ target }) =>
      Promise.resolve({ name: "it", program: "bash", args: ["-c", script, "bash", target], secrets: ["secret"] });
  const binding = () => bash(`echo once >> "${folder}/count"; exec mount --bind "${theirs}" "$1"`);
  const count = async () => (await readFile(join(folder, "count"), "utf8")).trim().split("\n").length;

  it("are made once for all who ask, and found again by another process of the service", async () => {
    const asked = Array.from({ length: 10 }, () => mounts.mount("c-1", "a", binding(), running));
    const [target = ""] = await Promise.all(asked);
    expect(await readFile(join(target, "precious"), "utf8")).toBe("kept");
    const next = new Mounts(join(folder, "roots"), silentLogger);
    expect(await next.mount("c-1", "a", binding(), running)).toBe(target);
    expect(await count()).toBe(1);
    expect(await next.release("c-1")).toEqual([]);
    expect(mountsBelow(folder)).toEqual([]);
    expect(await readdir(join(folder, "roots/volumes"))).toEqual([]);
    expect(await readdir(join(folder, "roots/mounting"))).toEqual([]);
  });

  it("of owners that no longer exist are unmounted, and no others", async () => {
    for (const owner of ["c-1", "c-2", "j-1"]) await mounts.mount(owner, "a", binding(), running);
    await new Mounts(join(folder, "roots"), silentLogger).releaseOthers(["c-2"]);
    expect(mountsBelow(folder).map(({ target }) => target)).toEqual([join(folder, "roots/volumes/c-2/a")]);
  });

  it("that fail keep all who ask waiting once", async () => {
    const failing = bash(`echo once >> "${folder}/count"; echo the secret reason >&2; exit 7`);
    const asked = Array.from({ length: 10 }, () => mounts.mount("c-1", "a", failing, running));
    for (const result of await Promise.allSettled(asked)) {
      const reason = (result as PromiseRejectedResult).reason as MountFailure;
      expect(reason).toBeInstanceOf(MountFailure);
      expect(reason.message).toBe("it ended with exit code 7. It wrote: the *** reason");
    }
    expect(await count()).toBe(1);
    const again = await mounts.mount("c-1", "a", binding(), running);
    expect(isMountPoint(again)).toBe(true);
  });

  it("that fail reveal no part of a secret, wherever the text is cut", async () => {
    for (const length of [997, 4093, 16_381]) {
      const script = `printf secret >&2; head -c ${String(length)} /dev/zero | tr '\\0' x >&2; exit 7`;
      const failed = (await mounts.mount("c-1", "a", bash(script), running).catch((error: unknown) => error)) as Error;
      expect(failed).toBeInstanceOf(MountFailure);
      expect(failed.message).toContain("xxx");
      expect(failed.message).not.toMatch(/[secrt]xx/);
    }
  });

  it("have logs that do not grow without limit", async () => {
    const writing = `mount --bind "${theirs}" "$1"; head -c 5000000 /dev/zero; touch "${folder}/wrote"; read < <(sleep 1000)`;
    await mounts.mount("c-1", "a", bash(writing), running);
    await expect.poll(() => existsSync(join(folder, "wrote")), { timeout: 20_000 }).toBe(true);
    await mounts.mount("c-1", "a", binding(), running);
    expect((await stat(join(folder, "roots/mounting/c-1/a/log"))).size).toBe(0);
  });

  it("in use are detached, and a process that serves one is killed when its time is up", async () => {
    const serving = bash(`mount --bind "${theirs}" "$1"; trap "" TERM; cd "$1"; while :; do sleep 0.1; done`);
    const target = await mounts.mount("j-1", "a", serving, running);
    const problems = await mounts.release("j-1");
    expect(problems).toEqual(["A volume did not finish within 0 seconds of its end. Its last changes may be lost."]);
    expect(isMountPoint(target)).toBe(false);
    expect(existsSync(target)).toBe(false);
  });

  it("that are aborted leave nothing, and the next one waits for that", async () => {
    const stop = new AbortController();
    const slow = bash(`touch "${folder}/began"; sleep 1000`);
    const first = mounts.mount("j-1", "a", slow, stop.signal);
    const aborted = expect(first).rejects.toMatchObject({ name: "AbortError" });
    const second = mounts.mount("j-1", "b", binding(), running);
    await expect.poll(() => existsSync(join(folder, "began"))).toBe(true);
    stop.abort();
    await aborted;
    expect(isMountPoint(await second)).toBe(true);
    expect(await mounts.release("j-1")).toEqual([]);
  });

  it.each(["volumes", "mounting"])("of others over the folder %s are taken away, and never emptied", async (name) => {
    const covered = join(folder, "roots", name);
    await mkdir(covered, { recursive: true });
    await mkdir(join(theirs, "empty"));
    execFileSync("mount", ["--bind", theirs, covered]);
    await mounts.releaseOthers([]);
    expect(isMountPoint(covered)).toBe(false);
    expect(await readdir(theirs)).toEqual(["empty", "precious"]);
  });

  it("of a job over folders of the service are taken away, and never emptied", async () => {
    const embedded = await EmbeddedService.start();
    await embedded.arm.prepare(1);
    const nodes = '"$(dirname "$AZ_BATCHAI_JOB_TEMP_DIR")"';
    for (const [index, place] of [nodes, '"$AZ_BATCHAI_JOB_TEMP_DIR"', '"$AZ_BATCHAI_SHARED_JOB_TEMP"'].entries()) {
      const job = await embedded.run(`job${String(index)}`, `mount --bind '${theirs}' ${place}`);
      expect(job).toMatchObject({ executionState: "succeeded" });
    }
    expect(await embedded.run("last", 'ls "$AZ_BATCHAI_JOB_TEMP_DIR"/precious')).toMatchObject({
      executionState: "failed",
    });
    await embedded.close();
    expect(await readFile(join(theirs, "precious"), "utf8")).toBe("kept");
  });

  it("are never entered when folders are removed", async () => {
    const tree = join(folder, "tree");
    await mkdir(join(tree, "deep/mount"), { recursive: true });
    await symlink(theirs, join(tree, "link"));
    const target = await mounts.mount("c-1", "a", binding(), running);
    await expect(removeTree(join(folder, "roots"))).rejects.toThrow(`a file system is mounted at ${target}`);
    await mounts.release("c-1");
    await removeTree(tree);
    expect(existsSync(tree)).toBe(false);
  });
});

it("a script that was uploaded to a share can be started by its path", async () => {
  const service = await EmbeddedService.start();
  try {
    const share = await service.share("scripts");
    await service.arm.prepare(1, { nodeSetup: { mountVolumes: { azureFileShares: [share] } } });
    const { accountName, accountKey, fileEndpoint } = service.service.connection.storage;
    const client = new ShareServiceClient(fileEndpoint, new StorageSharedKeyCredential(accountName, accountKey));
    const file = client.getShareClient("scripts").rootDirectoryClient.getFileClient("run.sh");
    await file.uploadData(Buffer.from("#!/bin/sh\nexit 0\n"));
    const { executionState } = await service.run("job", "$AZ_BATCHAI_MOUNT_ROOT/scripts/run.sh");
    expect(executionState).toBe("succeeded");
    // The container of that name is the same folder.
    const container = { accountName, containerName: "scripts", credentials: { accountKey }, relativeMountPath: "blob" };
    const mountVolumes = { azureBlobFileSystems: [container] };
    const stdOutErrPathPrefix = "$AZ_BATCHAI_JOB_MOUNT_ROOT/blob";
    const command = "$AZ_BATCHAI_JOB_MOUNT_ROOT/blob/run.sh && echo done";
    expect((await service.run("blob", command, { mountVolumes, stdOutErrPathPrefix })).executionState).toBe(
      "succeeded",
    );
    expect(await service.files("blob", "stdouterr")).toMatchObject({ "stdout.txt": "done\n" });
  } finally {
    await service.close();
  }
});
