import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { BatchAIService } from "../../src/service/index.ts";
import { until } from "../until.ts";
import { ArmCaller } from "./arm.ts";
import { withFolder } from "./serviceProcess.ts";

/** Starts a service, lets the work use it, and closes it. */
async function withService(
  options: { readonly dataDir: string; readonly sharedDir?: string; readonly mountRoot?: string },
  work: (arm: ArmCaller) => Promise<void> = async () => undefined,
): Promise<void> {
  await using service = await BatchAIService.start({ ...options, gpus: "none", gracePeriodInMs: 200 });
  await work(new ArmCaller(service.connection));
}

async function ended(arm: ArmCaller, name: string): Promise<void> {
  await until(`job ${name} has ended`, async () =>
    /succeeded|failed/.test(String((await arm.job(name)).executionState)),
  );
}

it("contains all that jobs see, and no database", async () => {
  await withFolder(async (folder) => {
    const [dataDir, sharedDir] = [join(folder, "data"), join(folder, "new", "shared")];
    await withService({ dataDir, sharedDir }, async (arm) => {
      const { accountName, accountKey, fileEndpoint } = arm.connection.storage;
      const share = join(dataDir, "files", accountName, "out");
      mkdirSync(share);
      await arm.prepare(1);
      const reference = { accountName, azureFileUrl: `${fileEndpoint}/out`, credentials: { accountKey } };
      const azureFileShares = [{ ...reference, relativeMountPath: "out" }];
      const command = 'pwd; echo "$AZ_BATCHAI_JOB_MOUNT_ROOT"; [[ -n $(ls -A "$OLD") ]]';
      const environmentVariables = [{ name: "OLD", value: join(sharedDir, "runs") }];
      const properties = { mountVolumes: { azureFileShares }, stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/out" };
      await arm.expect("PUT", arm.jobPath("job"), arm.jobBody(command, { ...properties, environmentVariables }));
      await ended(arm, "job");
      const job = await arm.job("job");
      expect(job).toMatchObject({ executionState: "succeeded" });
      const segment = String(job.jobOutputDirectoryPathSegment);
      const lines = readFileSync(
        join(sharedDir, "files", accountName, "out", segment, "stdouterr", "stdout.txt"),
        "utf8",
      );
      for (const line of lines.trim().split("\n")) expect(line.startsWith(join(sharedDir, "roots"))).toBe(true);
    });
    const mode = (await lstat(sharedDir)).mode & 0o777;
    expect(mode).toBe(0o700);
    for (const name of ["batchai.db", "files/properties.db"]) {
      expect(existsSync(join(dataDir, name))).toBe(true);
      expect(existsSync(join(sharedDir, name))).toBe(false);
    }
    expect(existsSync(join(dataDir, "runs"))).toBe(false);
    await withService({ dataDir, sharedDir });
  });
});

it("belongs to one data folder, which remembers it", async () => {
  await withFolder(async (folder) => {
    const [dataDir, sharedDir, other] = ["data", "shared", "other"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await withService({ dataDir, sharedDir });
    await expect(withService({ dataDir: other, sharedDir })).rejects.toThrow(
      `The shared folder ${sharedDir} belongs to the data folder ${dataDir}.`,
    );
    await expect(withService({ dataDir })).rejects.toThrow(`Start the service with --shared-dir ${sharedDir}`);
    await expect(withService({ dataDir, sharedDir: join(folder, "empty") })).rejects.toThrow(
      `or move that folder with everything in it to ${join(folder, "empty")} first.`,
    );
    const moved = join(folder, "moved");
    renameSync(sharedDir, moved);
    await withService({ dataDir, sharedDir: moved }, async (arm) => {
      const { accountName } = arm.connection.storage;
      expect(await readlink(join(dataDir, "files", accountName))).toBe(join(moved, "files", accountName));
    });
  });
});

it("hides no files that the data folder has already", async () => {
  await withFolder(async (folder) => {
    const [dataDir, sharedDir] = [join(folder, "data"), join(folder, "shared")];
    let account = "";
    await withService({ dataDir, mountRoot: join(folder, "roots") }, (arm) => {
      account = join("files", arm.connection.storage.accountName);
      mkdirSync(join(dataDir, account, "share"));
      return Promise.resolve();
    });
    const refused = `Move ${join(dataDir, account)} to ${join(sharedDir, account)}, and start the service again.`;
    await expect(withService({ dataDir, sharedDir })).rejects.toThrow(refused);
    mkdirSync(join(sharedDir, "files"), { recursive: true });
    renameSync(join(dataDir, account), join(sharedDir, account));
    await withService({ dataDir, sharedDir });
    expect(existsSync(join(dataDir, account, "share"))).toBe(true);
  });
});

it("is refused if its path has a blank, is a file, or if others can write to it", async () => {
  await withFolder(async (folder) => {
    const dataDir = join(folder, "data");
    await expect(withService({ dataDir, sharedDir: join(folder, "a b") })).rejects.toThrow(/contains a blank/);
    await expect(withService({ dataDir, sharedDir: "" })).rejects.toThrow(/its path is empty.*--shared-dir/);
    writeFileSync(join(folder, "file"), "");
    await expect(withService({ dataDir, sharedDir: join(folder, "file") })).rejects.toThrow(/cannot be used/);
    mkdirSync(join(folder, "a b"), { recursive: true });
    symlinkSync(join(folder, "a b"), join(folder, "link"));
    await expect(withService({ dataDir, sharedDir: join(folder, "link") })).rejects.toThrow(/contains a blank/);
    await expect(withService({ dataDir, sharedDir: "/tmp" })).rejects.toThrow(/other users can write to \/tmp/);
  });
});
