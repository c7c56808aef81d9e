import { existsSync } from "node:fs";
import { chown, cp, mkdir, readdir, readFile, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BatchAIService } from "../../src/service/index.ts";
import { needsDisks, withSmallDisk } from "../files/disks.ts";
import { ArmCaller, clusterBody } from "./arm.ts";
import { EmbeddedService } from "./embeddedService.ts";
import { withFolder } from "./serviceProcess.ts";
import { until } from "../until.ts";

const variables = "echo $AZ_BATCHAI_MOUNT_ROOT; echo $AZ_BATCHAI_JOB_MOUNT_ROOT; echo $AZ_BATCHAI_SHARED_JOB_TEMP";

async function withService(
  work: (service: EmbeddedService, share: Record<string, unknown>) => Promise<void>,
  setupTask?: Record<string, unknown>,
): Promise<void> {
  const embedded = await EmbeddedService.start();
  try {
    const share = await embedded.share("work");
    const nodeSetup = { mountVolumes: { azureFileShares: [share] }, ...(setupTask ? { setupTask } : {}) };
    await embedded.arm.prepare(1, { nodeSetup });
    await embedded.counts({ idleNodeCount: 1 });
    await work(embedded, share);
  } finally {
    await embedded.close();
  }
}

const inShare = { stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/work" };
const linesOf = async (embedded: EmbeddedService, job: string): Promise<string[]> =>
  ((await embedded.files(job, "stdouterr"))["stdout.txt"] ?? "").trimEnd().split("\n");

describe("mount roots", () => {
  it("of a cluster are the same for its setup task and all of its jobs", async () => {
    const setup = {
      commandLine:
        "cd $AZ_BATCHAI_MOUNT_ROOT/work && mkdir -p tools && ln -sfn $AZ_BATCHAI_MOUNT_ROOT/work/tools link && " +
        "echo ready > $AZ_BATCHAI_MOUNT_ROOT/work/link/state",
      ...inShare,
    };
    await withService(async (embedded) => {
      await embedded.run("first", `cat $AZ_BATCHAI_MOUNT_ROOT/work/link/state; ${variables}`, inShare);
      await embedded.run("second", `cat $AZ_BATCHAI_MOUNT_ROOT/work/link/state; ${variables}`, inShare);
      const [first, second] = [await linesOf(embedded, "first"), await linesOf(embedded, "second")];
      expect(first[0]).toBe("ready");
      expect(second[0]).toBe("ready");
      expect(second[1]).toBe(first[1]);
      expect(second[2]).not.toBe(first[2]);
    }, setup);
  });

  it("of a job are the same over all of its attempts, with absolute paths in a checkpoint", async () => {
    await withService(async (embedded, share) => {
      const checkpoint = "$AZ_BATCHAI_JOB_MOUNT_ROOT/own/checkpoint";
      const command =
        `${variables}; if [ -e ${checkpoint} ]; then cat "$(cat ${checkpoint})"; exit 0; fi; ` +
        `echo weights > $AZ_BATCHAI_JOB_MOUNT_ROOT/own/weights; echo $AZ_BATCHAI_JOB_MOUNT_ROOT/own/weights > ${checkpoint}; ` +
        "touch $AZ_BATCHAI_SHARED_JOB_TEMP/of-this-attempt; sleep 600";
      const mountVolumes = { azureFileShares: [{ ...share, relativeMountPath: "own" }] };
      await embedded.arm.expect(
        "PUT",
        embedded.arm.jobPath("job"),
        embedded.arm.jobBody(command, { ...inShare, mountVolumes }),
      );
      await until("it has written", () => existsSync(join(embedded.folder, "files/batchaistorage/work/checkpoint")));
      const cluster = embedded.arm.inWorkspace("/clusters/nodes");
      const scaledTo = (count: number) => ({ properties: { scaleSettings: { manual: { targetNodeCount: count } } } });
      await embedded.arm.expect("PATCH", cluster, scaledTo(0));
      await embedded.state("job", /queued/);
      await embedded.arm.expect("PATCH", cluster, scaledTo(1));
      expect((await embedded.ended("job")).executionState).toBe("succeeded");
      const lines = await linesOf(embedded, "job");
      expect(lines.slice(3, 6)).toEqual(lines.slice(0, 3));
      expect(lines[6]).toBe("weights");
    });
  });

  it("of a cluster or job that is created again are the same, without anything of the former one", async () => {
    await withService(async (embedded, share) => {
      const look = `${variables}; ls -A $AZ_BATCHAI_SHARED_JOB_TEMP; touch $AZ_BATCHAI_SHARED_JOB_TEMP/left`;
      await embedded.run("job", look, inShare);
      const first = await linesOf(embedded, "job");
      await embedded.arm.expect("DELETE", embedded.arm.jobPath("job"));
      const cluster = embedded.arm.inWorkspace("/clusters/nodes");
      await embedded.arm.expect("DELETE", cluster);
      const isGone = async (path: string) => (await embedded.arm.send("GET", path)).status === 404;
      await until("both are gone", async () => (await isGone(embedded.arm.jobPath("job"))) && (await isGone(cluster)));
      const other = await embedded.share("other");
      const mountVolumes = { azureFileShares: [share, other] };
      await embedded.arm.expect("PUT", cluster, clusterBody(1, { nodeSetup: { mountVolumes } }));
      await embedded.run("job", look, inShare);
      expect(await linesOf(embedded, "job")).toEqual(first);
    });
  });

  it("show links: realpath and .. lead to the folder of the share", async () => {
    await withService(async (embedded) => {
      await embedded.run(
        "job",
        "realpath $AZ_BATCHAI_MOUNT_ROOT/work; cd -P $AZ_BATCHAI_MOUNT_ROOT/work/..; pwd",
        inShare,
      );
      const shares = await realpath(join(embedded.folder, "files/batchaistorage"));
      expect(await linesOf(embedded, "job")).toEqual([join(shares, "work"), shares]);
    });
  });

  it("and all other paths of jobs have no blanks, wherever the data folder is", async () => {
    await withFolder(async (folder) => {
      const embedded = await EmbeddedService.start({ dataDir: join(folder, "data with blanks") });
      const share = await embedded.share("work");
      await embedded.arm.prepare(1, { nodeSetup: { mountVolumes: { azureFileShares: [share] } } });
      const properties = {
        ...inShare,
        inputDirectories: [{ id: "SAMPLE", path: "$AZ_BATCHAI_MOUNT_ROOT/work" }],
        outputDirectories: [{ id: "MODEL", pathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/work" }],
      };
      await writeFile(
        join(folder, "data with blanks/files/batchaistorage/work/run.sh"),
        'printf "%s\\n" "$#" "$PWD"\n',
      );
      const command =
        "bash $AZ_BATCHAI_INPUT_SAMPLE/run.sh $AZ_BATCHAI_INPUT_SAMPLE $AZ_BATCHAI_OUTPUT_MODEL; env | grep ^AZ_";
      await embedded.run("job", command, properties);
      const lines = await linesOf(embedded, "job");
      expect(lines[0]).toBe("2");
      expect(lines.filter((line) => /\s/.test(line))).toEqual([]);
      await embedded.close();
    });
  });

  it("that a job has damaged are repaired: links at the next start, all of it by scaling to zero and back", async () => {
    await withService(async (embedded) => {
      await embedded.run("unlink", "rm $AZ_BATCHAI_MOUNT_ROOT/work; ln -s /tmp $AZ_BATCHAI_MOUNT_ROOT/work");
      expect((await embedded.run("after", "true", inShare)).executionState).toBe("succeeded");
      await embedded.run("replace", "rm $AZ_BATCHAI_MOUNT_ROOT/work; mkdir $AZ_BATCHAI_MOUNT_ROOT/work");
      expect(await embedded.run("refused", "true", inShare)).toMatchObject({
        executionInfo: { errors: [{ code: "MountFailed" }] },
      });
      const cluster = embedded.arm.inWorkspace("/clusters/nodes");
      const scaledTo = (count: number) => ({ properties: { scaleSettings: { manual: { targetNodeCount: count } } } });
      await embedded.arm.expect("PATCH", cluster, scaledTo(0));
      await embedded.counts({ idleNodeCount: 0 });
      await embedded.arm.expect("PATCH", cluster, scaledTo(1));
      expect((await embedded.run("repaired", "true", inShare)).executionState).toBe("succeeded");
    });
  });

  it.each([
    ["a link", "ln -s $AZ_BATCHAI_MOUNT_ROOT/work $AZ_BATCHAI_JOB_TEMP_DIR"],
    ["a file", "touch $AZ_BATCHAI_JOB_TEMP_DIR"],
    ["a read-only folder", "mkdir -p $AZ_BATCHAI_JOB_TEMP_DIR/old && chmod 500 $AZ_BATCHAI_JOB_TEMP_DIR"],
  ])("wiping the disk of a node never touches anything else, if a job put %s in its place", async (_, replace) => {
    await withService(async (embedded) => {
      const precious = join(embedded.folder, "files/batchaistorage/work/precious");
      await writeFile(precious, "kept");
      await embedded.run("replace", `rm -rf $AZ_BATCHAI_JOB_TEMP_DIR; ${replace}`, inShare);
      const look = "ls -A $AZ_BATCHAI_JOB_TEMP_DIR | wc -l";
      expect((await embedded.run("next", look, inShare)).executionState).toBe("succeeded");
      expect(await linesOf(embedded, "next")).toEqual(["1"]);
      expect(await readFile(precious, "utf8")).toBe("kept");
    });
  });

  it("leave nothing behind once everything is deleted and the service is closed", async () => {
    await withFolder(async (mountRoot) => {
      const embedded = await EmbeddedService.start({ mountRoot });
      const share = await embedded.share("work");
      await embedded.arm.prepare(1, { nodeSetup: { mountVolumes: { azureFileShares: [share] } } });
      await embedded.run("job", "touch $AZ_BATCHAI_JOB_TEMP/scratch", inShare);
      expect(await readdir(mountRoot)).toHaveLength(1);
      await embedded.close();
      expect(await readdir(mountRoot)).toEqual([]);
    });
  });
});

describe("a mount root on a full disk", () => {
  it("keeps jobs in the queue until there is room", async (context) => {
    await needsDisks(context);
    await withSmallDisk(1, async (disk) => {
      const embedded = await EmbeddedService.start({ mountRoot: join(disk, "roots") });
      await embedded.arm.prepare(1);
      await embedded.counts({ idleNodeCount: 1 });
      const filler = join(disk, "filler");
      await writeFile(filler, Buffer.alloc(4_000_000)).catch(() => undefined);
      await embedded.arm.expect("PUT", embedded.arm.jobPath("job"), embedded.arm.jobBody("exit 3"));
      const { creationTime } = await embedded.arm.job("job");
      await until("it was started and queued again", async () => {
        const { executionState, executionStateTransitionTime } = await embedded.arm.job("job");
        return executionState === "queued" && executionStateTransitionTime !== creationTime;
      });
      await rm(filler);
      expect(await embedded.ended("job")).toMatchObject({ executionInfo: { exitCode: 3 } });
      await embedded.close();
    });
  });
});

describe("folders that a killed service left", () => {
  it("are removed at the next start if their owners do not exist, and no others", async () => {
    await withFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const mountRoot = join(folder, "roots");
      const first = await BatchAIService.start({ dataDir, mountRoot });
      const arm = new ArmCaller(first.connection);
      await arm.prepare(1);
      await arm.expect(
        "PUT",
        arm.jobPath("job"),
        arm.jobBody("touch $AZ_BATCHAI_JOB_TEMP_DIR/kept $AZ_BATCHAI_SHARED_JOB_TEMP/kept"),
      );
      await until("it has ended", async () => (await arm.job("job")).executionState === "succeeded");
      await first.close();
      const [id = ""] = await readdir(mountRoot);
      const before = [...(await paths(dataDir)), ...(await paths(mountRoot))];
      expect(before.filter((path) => path.endsWith("/kept"))).toHaveLength(2);
      const left = ["runs/gone", "nodes/gone", "trash/gone"].map((name) => join(dataDir, name));
      left.push(
        ...["nodes/gone", "c-0123456789ab", "j-0123456789ab/mounts", "trash/x"].map((name) =>
          join(mountRoot, id, name),
        ),
      );
      for (const path of left) await mkdir(path, { recursive: true });
      const second = await BatchAIService.start({ dataDir, mountRoot });
      await second.close();
      for (const path of left) expect(existsSync(path), path).toBe(false);
      const after = [...(await paths(dataDir)), ...(await paths(mountRoot))];
      expect(
        before.filter((path) => !after.includes(path) && !/connection.json|-wal|-shm|-journal/.test(path)),
      ).toEqual([]);
    });
  });
});

/** Paths of everything in a folder. */
async function paths(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).map((name) => join(folder, name));
}

describe("the folder of the mount roots", () => {
  const rootIn = async (mountRoot: string, dataDir: string): Promise<string[]> => {
    const service = await BatchAIService.start({ dataDir, mountRoot });
    const names = await readdir(mountRoot);
    await service.close();
    return names;
  };

  it("is the same at every start, also after the data folder was moved, and another one for a copy of it", async () => {
    await withFolder(async (folder) => {
      const mountRoot = join(folder, "roots");
      const data = join(folder, "data");
      const first = await rootIn(mountRoot, data);
      expect(await rootIn(mountRoot, data)).toEqual(first);
      await cp(data, join(folder, "copy"), { recursive: true });
      await rename(data, join(folder, "moved"));
      expect(await rootIn(mountRoot, join(folder, "moved"))).toEqual(first);
      expect(await rootIn(mountRoot, join(folder, "copy"))).not.toEqual(first);
    });
  });

  it("is short", async () => {
    await withFolder(async (folder) => {
      expect((await rootIn(join(folder, "roots"), join(folder, "data")))[0]).toMatch(/^[0-9a-f]{8}$/);
    });
  });

  it("must have no blank in its path", async () => {
    await withFolder(async (folder) => {
      const mountRoot = join(folder, "with blank");
      await expect(BatchAIService.start({ dataDir: join(folder, "data"), mountRoot })).rejects.toThrow(
        /contains a blank/,
      );
      expect(existsSync(mountRoot)).toBe(false);
    });
  });

  it("must have none behind a link either", async () => {
    await withFolder(async (folder) => {
      await mkdir(join(folder, "my disk"));
      await symlink(join(folder, "my disk"), join(folder, "link"));
      const starting = BatchAIService.start({ dataDir: join(folder, "data"), mountRoot: join(folder, "link/roots") });
      await expect(starting).rejects.toThrow(/my disk.*contains a blank/);
    });
  });

  it("must not be writable by others, so it cannot be /tmp", async () => {
    await withFolder(async (folder) => {
      const starting = BatchAIService.start({ dataDir: join(folder, "data"), mountRoot: "/tmp" });
      await expect(starting).rejects.toThrow(/other users can write to \/tmp|belongs to another user/);
    });
  });

  it("leaves room for sockets in scratch directories", async () => {
    await withService(async (embedded) => {
      await embedded.run("job", "echo $AZ_BATCHAI_JOB_TEMP", inShare);
      const [scratch = ""] = await linesOf(embedded, "job");
      // Below the folder of the data folder.
      expect(scratch.split("/").slice(-3).join("/")).toMatch(/^nodes\/[0-9a-f]{12}\/[0-9a-f]{8}$/);
    });
  });

  it.runIf(process.getuid?.() === 0)("must belong to the user of the service", async () => {
    await withFolder(async (folder) => {
      const mountRoot = join(folder, "roots");
      await mkdir(mountRoot);
      await chown(mountRoot, 12345, 12345);
      const starting = BatchAIService.start({ dataDir: join(folder, "data"), mountRoot });
      await expect(starting).rejects.toThrow(/belongs to another user \(uid 12345\).*--mount-root/s);
    });
  });

  it("that cannot be created is named with a way out", async () => {
    await withFolder(async (folder) => {
      await writeFile(join(folder, "file"), "");
      const mountRoot = join(folder, "file/roots");
      const starting = BatchAIService.start({ dataDir: join(folder, "data"), mountRoot });
      await expect(starting).rejects.toThrow(/file\/roots cannot be used: .*Choose another folder with --mount-root/s);
      expect(await readFile(join(folder, "file"), "utf8")).toBe("");
    });
  });
});
