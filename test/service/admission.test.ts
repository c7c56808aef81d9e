import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArmCaller, clusterBody } from "./arm.ts";
import { EmbeddedService } from "./embeddedService.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";
import { until } from "../until.ts";

let embedded: EmbeddedService;
let own: Record<string, unknown>;

beforeAll(async () => {
  embedded = await EmbeddedService.start();
  const mount = await embedded.share("work");
  own = { azureFileShares: [{ ...(await embedded.share("results")), relativeMountPath: "own/results" }] };
  await embedded.arm.prepare(1, { nodeSetup: { mountVolumes: { azureFileShares: [mount] } } });
  await embedded.arm.expect("PUT", embedded.arm.inWorkspace("/clusters/bare"), clusterBody(1));
});

afterAll(async () => {
  await embedded.close();
});

let serial = 0;

/** Tries to create a job. Returns the response, and whether the job exists. */
async function create(properties: Record<string, unknown>): Promise<{ status: number; text: string; exists: boolean }> {
  const path = embedded.arm.jobPath(`job${String(++serial)}`);
  const { status, text } = await embedded.arm.send("PUT", path, embedded.arm.jobBody("true", properties));
  return { status, text, exists: (await embedded.arm.send("GET", path)).status === 200 };
}

const onBare = (): Record<string, unknown> => ({ cluster: { id: embedded.arm.inWorkspace("/clusters/bare") } });

describe("output of a job", () => {
  it.each([
    ["$AZ_BATCHAI_MOUNT_ROOT/wrok", "a wrong name"],
    ["$AZ_BATCHAI_MOUNT_ROOT", "a bare mount root beside a volume"],
    ["$AZ_BATCHAI_MOUNT_ROOT/own/results", "a volume of the job under the root of the cluster"],
    ["$AZ_BATCHAI_JOB_MOUNT_ROOT", "the bare root of the job's volumes"],
    ["$AZ_BATCHAI_JOB_MOUNT_ROOT/own", "a folder above a volume"],
    ["$AZ_BATCHAI_JOB_MOUNT_ROOT/own/results2", "a name that begins like a volume"],
    ["$AZ_BATCHAI_MOUNT_ROOT/work/../x", "a folder beside a volume"],
    ["/tmp/x", "an absolute path elsewhere"],
    ["/mnt/batch/tasks/shared/LS_root/mounts/work", "a path of the original service"],
  ])("in %s is refused: %s", async (prefix) => {
    const volumes = ["$AZ_BATCHAI_MOUNT_ROOT/work", "$AZ_BATCHAI_JOB_MOUNT_ROOT/own/results"];
    const ofJob = { mountVolumes: own };
    const std = await create({ ...ofJob, stdOutErrPathPrefix: prefix });
    expect(std).toMatchObject({ status: 400, exists: false });
    expect(std.text).toContain('"target":"properties.stdOutErrPathPrefix"');
    const output = await create({ ...ofJob, outputDirectories: [{ id: "M", pathPrefix: prefix, pathSuffix: "m" }] });
    expect(output).toMatchObject({ status: 400, exists: false });
    expect(output.text).toContain('"target":"properties.outputDirectories[0].pathPrefix"');
    for (const volume of volumes) {
      expect(std.text).toContain(volume);
      expect(output.text).toContain(volume);
    }
  });

  it.each([
    "$AZ_BATCHAI_MOUNT_ROOT/work",
    "$AZ_BATCHAI_MOUNT_ROOT/work/",
    "$AZ_BATCHAI_MOUNT_ROOT/work/deep/er",
    "${AZ_BATCHAI_JOB_MOUNT_ROOT}/own/results",
    "$WHERE/x",
    "$AZ_BATCHAI_JOB_TEMP_DIR",
    "$AZ_BATCHAI_JOB_TEMP/x",
    "$AZ_BATCHAI_SHARED_JOB_TEMP",
  ])("in %s is accepted", async (prefix) => {
    const environmentVariables = [{ name: "WHERE", value: "$AZ_BATCHAI_MOUNT_ROOT/work" }];
    const outputDirectories = [{ id: "M", pathPrefix: prefix }];
    const job = { mountVolumes: own, environmentVariables, outputDirectories, stdOutErrPathPrefix: prefix };
    expect((await create(job)).status).toBe(202);
  });

  it("in a bare mount root without volumes is accepted, as the live service did, and refused below it", async () => {
    const bare = await create({ ...onBare(), stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" });
    expect(bare.status).toBe(202);
    const below = await create({ ...onBare(), stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs" });
    expect(below).toMatchObject({ status: 400, exists: false });
    expect(below.text).toContain("No volume is mounted");
  });

  it("of a setup task follows the same rule", async () => {
    const tried = async (stdOutErrPathPrefix: string, mountVolumes?: object): Promise<number> => {
      const path = embedded.arm.inWorkspace(`/clusters/setup${String(++serial)}`);
      const nodeSetup = { setupTask: { commandLine: "true", stdOutErrPathPrefix }, mountVolumes };
      const { status, text } = await embedded.arm.send("PUT", path, clusterBody(0, { nodeSetup }));
      if (status === 400) expect(text).toContain('"target":"properties.nodeSetup.setupTask.stdOutErrPathPrefix"');
      expect((await embedded.arm.send("GET", path)).status).toBe(status === 400 ? 404 : 200);
      return status;
    };
    const volumes = { azureFileShares: [await embedded.share("work")] };
    expect(await tried("$AZ_BATCHAI_MOUNT_ROOT/work/logs", volumes)).toBe(202);
    expect(await tried("$AZ_BATCHAI_MOUNT_ROOT")).toBe(202);
    expect(await tried("$AZ_BATCHAI_MOUNT_ROOT", volumes)).toBe(400);
    expect(await tried("$AZ_BATCHAI_MOUNT_ROOT/wrok", volumes)).toBe(400);
    expect(await tried("/tmp/x", volumes)).toBe(400);
    expect(await tried("/tmp/x")).toBe(400);
  });
});

describe("a job that can never start", () => {
  it("is refused on an automatically scaled cluster, with a way out", async () => {
    const path = embedded.arm.inWorkspace("/clusters/auto");
    const scale = (maximumNodeCount: number): object => ({ autoScale: { minimumNodeCount: 0, maximumNodeCount } });
    await embedded.arm.expect("PUT", path, clusterBody(0, { scaleSettings: scale(2) }));
    const refused = await create({ cluster: { id: path }, nodeCount: 3 });
    expect(refused).toMatchObject({ status: 400, exists: false });
    expect(refused.text).toContain('"target":"properties.nodeCount"');
    expect(refused.text).toMatch(/at most 2.*maximumNodeCount.*Raise that number first/);
    await embedded.arm.expect("PATCH", path, { properties: { scaleSettings: scale(3) } });
    expect((await create({ cluster: { id: path }, nodeCount: 3 })).status).toBe(202);
  });

  it("is refused if no cluster can have that many nodes", async () => {
    const refused = await create({ nodeCount: 101 });
    expect(refused).toMatchObject({ status: 400, exists: false });
    expect(refused.text).toContain("properties.nodeCount: must be at most 100, got 101");
    expect((await create({ nodeCount: 100 })).status).toBe(202);
  });
});

describe("settings of the API of 2018", () => {
  it("maxWallClockTime may be longer than seven days", async () => {
    const properties = await embedded.run("long", "true", { constraints: { maxWallClockTime: "P30D" } });
    expect(properties).toMatchObject({ executionState: "succeeded", constraints: { maxWallClockTime: "P30D" } });
  });

  it("schedulingPriority takes its three words in any case, and no other", async () => {
    expect((await create({ schedulingPriority: "High" })).status).toBe(202);
    const refused = await create({ schedulingPriority: "urgent" });
    expect(refused).toMatchObject({ status: 400, exists: false });
    expect(refused.text).toContain("properties.schedulingPriority: must be one of low, normal, high");
  });

  it("nodeDeallocationOption takes its three words in any case, and no other", async () => {
    const path = embedded.arm.inWorkspace("/clusters/words");
    const scaled = (word: string): object => ({ manual: { targetNodeCount: 0, nodeDeallocationOption: word } });
    const created = await embedded.arm.send("PUT", path, clusterBody(0, { scaleSettings: scaled("keep") }));
    expect(created.body.error?.target).toBe("properties.scaleSettings.manual.nodeDeallocationOption");
    await embedded.arm.expect("PUT", path, clusterBody(0, { scaleSettings: scaled("Terminate") }));
    const patched = await embedded.arm.send("PATCH", path, { properties: { scaleSettings: scaled("keep") } });
    expect(patched.status).toBe(400);
  });

  it("a NUL character in any command line is refused", async () => {
    const nul = "echo a\0b";
    const script = { cntkSettings: { pythonScriptFilePath: "a\0b.py" }, customToolkitSettings: undefined };
    for (const job of [
      { customToolkitSettings: { commandLine: nul } },
      { jobPreparation: { commandLine: nul } },
      script,
    ]) {
      const refused = await create(job);
      expect(refused).toMatchObject({ status: 400, exists: false });
      expect(refused.text).toContain("NUL");
    }
    const nodeSetup = { setupTask: { commandLine: nul, stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" } };
    const path = embedded.arm.inWorkspace("/clusters/nul");
    const cluster = await embedded.arm.send("PUT", path, clusterBody(0, { nodeSetup }));
    expect(cluster.body.error?.target).toBe("properties.nodeSetup.setupTask.commandLine");
  });
});

describe("remote login", () => {
  it("lists nothing, because nobody can log in to a node", async () => {
    await embedded.run("login", "true");
    for (const path of [embedded.arm.inWorkspace("/clusters/nodes"), embedded.arm.jobPath("login")]) {
      const { status, body } = await embedded.arm.send("POST", `${path}/listRemoteLoginInformation`);
      expect({ status, body }).toEqual({ status: 200, body: { value: [] } });
    }
    const missing = await embedded.arm.send("POST", `${embedded.arm.jobPath("none")}/listRemoteLoginInformation`);
    expect(missing.status).toBe(404);
  });
});

describe("the environment of jobs", () => {
  it("has the variables of --job-env, unless the job sets them itself; setup tasks have them too", async () => {
    await withFolder(async (folder) => {
      const flags = ["--job-env", "PROXY=http://a?b=c", "--job-env", "FROM_HERE", "--job-env", "EMPTY="];
      const service = await ServiceProcess.start(join(folder, "data"), flags, { FROM_HERE: "here $HOME" });
      const arm = new ArmCaller(service.connection);
      const print = 'printf "%s|%s|%s\\n" "$PROXY" "$FROM_HERE" "${EMPTY-unset}"';
      const setUp = join(folder, "setup");
      const setupTask = { commandLine: `${print} > ${setUp}`, stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
      await arm.prepare(1, { nodeSetup: { setupTask } });
      const run = async (name: string, job: object): Promise<string> => {
        const file = join(folder, name);
        const preparation = { commandLine: `${print} > ${file}` };
        const body = arm.jobBody(`${print} >> ${file}`, { jobPreparation: preparation, ...job });
        await arm.expect("PUT", arm.jobPath(name), body);
        await until("it has ended", async () => (await arm.job(name)).executionState === "succeeded");
        return readFile(file, "utf8");
      };
      const all = "http://a?b=c|here $HOME|\n";
      expect(await run("plain", {})).toBe(all + all);
      expect(await readFile(setUp, "utf8")).toBe(all);
      const environmentVariables = [{ name: "PROXY", value: "own after $PROXY" }];
      const secrets = [{ name: "FROM_HERE", value: "secret" }];
      const changed = "own after http://a?b=c|secret|\n";
      expect(await run("own", { environmentVariables, secrets })).toBe(changed + changed);
      await service.stop();
    });
  });

  it("has a private HOME with --private-home, from the preparation to the end of the job", async () => {
    await withFolder(async (folder) => {
      const service = await ServiceProcess.start(join(folder, "data"), ["--private-home"], { HOME: folder });
      const arm = new ArmCaller(service.connection);
      const file = join(folder, "out");
      await arm.prepare(1);
      const body = arm.jobBody(`cat ~/.bashrc > ${file}; echo "$HOME" >> ${file}`, {
        jobPreparation: { commandLine: "echo line >> ~/.bashrc" },
      });
      for (const name of ["first", "second"]) {
        await arm.expect("PUT", arm.jobPath(name), body);
        await until("it has ended", async () => (await arm.job(name)).executionState === "succeeded");
        const [line, home, ...more] = (await readFile(file, "utf8")).trim().split("\n");
        expect({ line, more }).toEqual({ line: "line", more: [] });
        expect(home).not.toBe(folder);
      }
      expect(existsSync(join(folder, ".bashrc"))).toBe(false);
      const environmentVariables = [{ name: "HOME", value: "/somewhere" }];
      await arm.expect("PUT", arm.jobPath("own"), arm.jobBody(`echo $HOME > ${file}`, { environmentVariables }));
      await until("it has ended", async () => (await arm.job("own")).executionState === "succeeded");
      expect(await readFile(file, "utf8")).toBe("/somewhere\n");
      await service.stop();
    });
  });
});
