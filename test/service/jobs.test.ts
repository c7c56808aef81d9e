import { execFileSync } from "node:child_process";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EmbeddedService } from "./embeddedService.ts";
import { until } from "../until.ts";

let embedded: EmbeddedService;
let mount: Record<string, unknown>;
const onShare = { stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs" };

beforeAll(async () => {
  embedded = await EmbeddedService.start({ gracePeriodInMs: 500, containerEngine: "none" });
  mount = await embedded.share("logs");
  await embedded.arm.prepare(3, { nodeSetup: { mountVolumes: { azureFileShares: [mount] } } });
  await embedded.counts({ idleNodeCount: 3 });
});

afterAll(async () => {
  await embedded.close();
});

/** Reads a job again and again; answers the states in which it was until it was gone. */
async function statesUntilGone(path: string): Promise<unknown[]> {
  const states: unknown[] = [];
  for (;;) {
    const { status, body } = await embedded.arm.send("GET", path);
    if (status === 404) return states;
    states.push(body.properties?.executionState);
  }
}

describe("the life of a job", () => {
  it("reports the exit code of a failing command", async () => {
    const job = await embedded.run("fails", "echo before >&2; exit 3", onShare);
    expect(job).toMatchObject({
      executionState: "failed",
      executionInfo: { exitCode: 3, errors: [{ code: "JobFailed" }] },
    });
    expect(await embedded.files("fails", "stdouterr")).toMatchObject({ "stdout.txt": "", "stderr.txt": "before\n" });
  });

  it("has the variables that the API promises", async () => {
    const command = 'env | grep "^AZ_BATCH" | sort; echo "plain=$PLAIN secret=$HIDDEN"; echo "path=$PATH"';
    const properties = {
      ...onShare,
      nodeCount: 2,
      inputDirectories: [{ id: "IN", path: "$AZ_BATCHAI_MOUNT_ROOT/logs/data" }],
      outputDirectories: [{ id: "OUT", pathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs/", pathSuffix: "models" }],
      environmentVariables: [
        { name: "PLAIN", value: "$AZ_BATCHAI_INPUT_IN" },
        { name: "PATH", value: "/opt/tools:$PATH" },
      ],
      secrets: [{ name: "HIDDEN", value: "a'b\"c$d" }],
    };
    const job = await embedded.run("variables", command, properties);
    const output = (await embedded.files("variables", "stdouterr"))["stdout.txt"] ?? "";
    const variables = Object.fromEntries(
      output.split("\n").map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
    );
    const root = variables.AZ_BATCHAI_MOUNT_ROOT ?? "";
    const segment = String(job.jobOutputDirectoryPathSegment);
    expect(segment).toContain("/group/workspaces/work/experiments/exp/jobs/variables/");
    expect(variables).toMatchObject({
      AZ_BATCHAI_INPUT_IN: `${root}/logs/data`,
      AZ_BATCHAI_OUTPUT_OUT: `${root}/logs/${segment}/outputs/models`,
      AZ_BATCHAI_STDOUTERR_DIR: `${root}/logs/${segment}/stdouterr`,
      AZ_BATCH_HOST_LIST: "127.0.0.1,127.0.0.1",
      AZ_BATCHAI_NUM_GPUS: "0",
    });
    expect(output).toContain(`plain=${root}/logs/data secret=a'b"c$d`);
    expect(output).toContain(`path=/opt/tools:${String(process.env.PATH)}`);
    expect(job.secrets).toEqual([{ name: "HIDDEN" }]);
  });

  it("lists each address once in the MPI host file", async () => {
    await embedded.run("hosts", "cat $AZ_BATCHAI_MPI_HOST_FILE", { ...onShare, nodeCount: 3 });
    expect((await embedded.files("hosts", "stdouterr"))["stdout.txt"]).toBe("127.0.0.1 slots=3\n");
  });

  it("prepares every node before it runs, and stops when that fails", async () => {
    const good = await embedded.run("prepared", "cat prepared.txt", {
      ...onShare,
      jobPreparation: { commandLine: "echo ready | tee prepared.txt" },
    });
    expect(good.executionState).toBe("succeeded");
    expect(await embedded.files("prepared", "stdouterr")).toMatchObject({
      "stdout.txt": "ready\n",
      "stdout-job_prep.txt": "ready\n",
      "stderr-job_prep.txt": "",
    });
    const bad = await embedded.run("unprepared", "echo never", {
      ...onShare,
      jobPreparation: { commandLine: "exit 7" },
    });
    expect(bad).toMatchObject({ executionInfo: { exitCode: 7, errors: [{ code: "JobPreparationFailed" }] } });
    expect((await embedded.files("unprepared", "stdouterr"))["stdout.txt"] ?? "").toBe("");
  });

  it("ends at its wall-clock limit", async () => {
    const job = await embedded.run("slow", "sleep 600", { constraints: { maxWallClockTime: "PT0.5S" } });
    expect(job).toMatchObject({
      executionState: "failed",
      executionInfo: { errors: [{ code: "JobMaxWallClockTimeExceeded" }] },
    });
  });

  it("may be given more time than there is", async () => {
    const job = await embedded.run("eternal", "sleep 0.5", {
      constraints: { maxWallClockTime: `P${"9".repeat(30)}Y` },
    });
    expect(job.executionState).toBe("succeeded");
  });

  it("mounts a share of its own, and only while it runs", async () => {
    const own = await embedded.share("own");
    const job = await embedded.run("mounts", "echo text > $AZ_BATCHAI_JOB_MOUNT_ROOT/own/file.txt; pwd", {
      mountVolumes: { azureFileShares: [own] },
      stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/own",
    });
    expect(job.executionState).toBe("succeeded");
    expect(Object.keys(await embedded.files("mounts", "stdouterr"))).toContain("stdout.txt");
    expect(job.mountVolumes).toMatchObject({ azureFileShares: [{ credentials: {}, fileMode: "0777" }] });
  });

  it("fails with a reason when a share cannot be mounted", async () => {
    const wrongKey = { ...mount, credentials: { accountKey: "bm90IHRoZSBrZXk=" } };
    const foreign = { ...mount, accountName: "other", azureFileUrl: "https://other.file.core.windows.net/logs" };
    const missing = { ...mount, azureFileUrl: "https://batchaistorage.file.core.windows.net/nowhere" };
    for (const [index, share] of [wrongKey, foreign, missing].entries()) {
      const job = await embedded.run(`mount${String(index)}`, "true", { mountVolumes: { azureFileShares: [share] } });
      expect(job).toMatchObject({ executionState: "failed", executionInfo: { errors: [{ code: "AZFMountError" }] } });
      expect(JSON.stringify(job)).not.toContain("bm90IHRoZSBrZXk=");
    }
  });

  it("says why a folder is not the share that it looks like", async () => {
    const account = join(embedded.folder, "files", "batchaistorage");
    await mkdir(join(account, "s"));
    await symlink("logs", join(account, "linked"));
    await writeFile(join(account, "file"), "");
    const reasons = {
      s: "its name cannot be the name of a share",
      linked: "linked is a symbolic link",
      file: "file is a file",
      none: "share none does not exist",
      "logs/scripts": "names the directory scripts in share logs",
    };
    for (const [index, [path, reason]] of Object.entries(reasons).entries()) {
      const share = { ...mount, azureFileUrl: `https://batchaistorage.file.core.windows.net/${path}` };
      const job = await embedded.run(`reason${String(index)}`, "true", { mountVolumes: { azureFileShares: [share] } });
      expect(JSON.stringify(job.executionInfo)).toContain(reason);
    }
    await Promise.all(["s", "linked", "file"].map((name) => rm(join(account, name), { recursive: true })));
  });

  it("wants an engine for containers, and names the option to do without", async () => {
    const job = await embedded.run("contained", "true", {
      containerSettings: { imageSourceRegistry: { image: "ubuntu" } },
    });
    expect(job).toMatchObject({
      executionState: "failed",
      executionInfo: { errors: [{ code: "FailedStartingContainer" }] },
    });
    expect(JSON.stringify(job)).toContain("ignoreContainerSettings");
  });

  it("runs a CNTK job's script with its interpreter and arguments", async () => {
    const job = await embedded.run("cntk", "", {
      ...onShare,
      customToolkitSettings: undefined,
      cntkSettings: {
        pythonScriptFilePath: "$SCRIPT",
        pythonInterpreterPath: "echo",
        commandLineArgs: "one 'two three'",
      },
      environmentVariables: [{ name: "SCRIPT", value: "train.py" }],
    });
    expect(job).toMatchObject({
      toolType: "cntk",
      executionState: "succeeded",
      cntkSettings: { languageType: "Python", processCount: 1 },
    });
    expect((await embedded.files("cntk", "stdouterr"))["stdout.txt"]).toBe("train.py one two three\n");
  });
});

describe("ending jobs", () => {
  it("terminates a whole process tree", async () => {
    const marker = `marker-${String(process.pid)}`;
    const command = `setsid sh -c 'exec -a ${marker} sleep 600' & (sleep 600 & sleep 600 & wait) & echo started; wait`;
    await embedded.arm.expect("PUT", embedded.arm.jobPath("tree"), embedded.arm.jobBody(command, onShare));
    await until(
      "the tree is up",
      async () => (await embedded.files("tree", "stdouterr"))["stdout.txt"] === "started\n",
    );
    const answer = await embedded.arm.expect("POST", `${embedded.arm.jobPath("tree")}/terminate`);
    expect(answer.status).toBe(202);
    const operation = answer.headers.get("azure-asyncoperation") ?? "";
    await until(
      "the operation has ended",
      async () => (await embedded.arm.expect("GET", operation)).body.status !== "InProgress",
    );
    const job = await embedded.arm.job("tree");
    expect(job).toMatchObject({ executionState: "failed", executionInfo: { errors: [{ code: "JobTerminated" }] } });
    expect(job.executionInfo).not.toHaveProperty("exitCode");
    expect(execFileSync("ps", ["-eo", "args"], { encoding: "utf8", maxBuffer: 2 ** 30 })).not.toContain(marker);
    expect((await embedded.arm.send("POST", `${embedded.arm.jobPath("tree")}/terminate`)).status).toBe(200);
  });

  it("deletes a running job, and a new one of that name starts afresh", async () => {
    const path = embedded.arm.jobPath("again");
    await embedded.arm.expect("PUT", path, embedded.arm.jobBody("sleep 600", onShare));
    await embedded.state("again", /running/);
    const segment = (await embedded.arm.job("again")).jobOutputDirectoryPathSegment;
    expect((await embedded.arm.send("DELETE", path)).status).toBe(202);
    const seen = await Promise.all(Array.from({ length: 10 }, () => statesUntilGone(path)));
    expect(seen.flat().filter((state) => state !== "running")).toEqual([]);
    expect((await embedded.arm.send("DELETE", path)).status).toBe(204);
    const second = await embedded.run("again", "echo second", onShare);
    expect(second.jobOutputDirectoryPathSegment).not.toBe(segment);
    expect((await embedded.files("again", "stdouterr"))["stdout.txt"]).toBe("second\n");
  });

  it("creates a job once however often it is asked to", async () => {
    const body = embedded.arm.jobBody(
      "echo line >> $AZ_BATCHAI_MOUNT_ROOT/logs/once.txt; cat $AZ_BATCHAI_MOUNT_ROOT/logs/once.txt",
      onShare,
    );
    const path = embedded.arm.jobPath("once");
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await embedded.arm.send("PUT", path, body)).status),
    );
    expect(statuses.filter((status) => status === 202)).toHaveLength(1);
    expect(statuses.filter((status) => status === 200)).toHaveLength(19);
    await embedded.ended("once");
    expect((await embedded.arm.send("PUT", path, body)).status).toBe(200);
    expect((await embedded.files("once", "stdouterr"))["stdout.txt"]).toBe("line\n");
    expect((await embedded.arm.send("PUT", path, embedded.arm.jobBody("other", onShare))).status).toBe(409);
  });
});

describe("listing output", () => {
  it("pages through many files, sorted, by GET and by POST", async () => {
    await embedded.run(
      "many",
      "cd $AZ_BATCHAI_OUTPUT_OUT; for i in $(seq -w 25); do echo $i > file$i.txt; done; mkdir b",
      {
        ...onShare,
        outputDirectories: [{ id: "OUT", pathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs", pathSuffix: "many" }],
      },
    );
    const names: unknown[] = [];
    let next: string | undefined = `${embedded.arm.jobPath("many")}/listOutputFiles`;
    let query: string | undefined = "api-version=2018-05-01&outputdirectoryid=OUT&maxresults=10";
    for (let page = 0; next !== undefined; page++) {
      const answer = await embedded.arm.send(
        page % 2 === 0 ? "POST" : "GET",
        next,
        undefined,
        query === undefined ? {} : { query },
      );
      names.push(...(answer.body.value ?? []).map(({ name }) => name));
      next = answer.body.nextLink as string | undefined;
      query = undefined;
    }
    const expected = [
      "b",
      ...Array.from({ length: 25 }, (_, index) => `file${String(index + 1).padStart(2, "0")}.txt`),
    ];
    expect(names).toEqual(expected);
  });
});
