import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { until } from "../until.ts";
import { ArmCaller, clusterBody } from "./arm.ts";
import { Azurite, mountTestsObstacle } from "./azurite.ts";
import { ServiceProcess } from "./serviceProcess.ts";

const obstacle = mountTestsObstacle();

describe.skipIf(obstacle !== undefined)(
  `containers of other accounts${obstacle ? ` (skipped: ${obstacle})` : ""}`,
  () => {
    let stage: string;
    let azurite: Azurite;
    let folder: string;
    let service: ServiceProcess;
    let arm: ArmCaller;
    let container: string;
    let containers = 0;

    beforeAll(async () => {
      stage = await mkdtemp(join(tmpdir(), "batchai-azurite-"));
      azurite = await Azurite.start(stage);
    });

    afterAll(async () => {
      await azurite.stop();
      await rm(stage, { recursive: true });
    });

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "batchai-"));
      container = `data${String(++containers)}`;
      await azurite.createContainer(container);
      await azurite.put(container, "in/words.txt", "one two");
      await azurite.put(container, "in/run.sh", '#!/bin/bash\nwc -w < "$1"\n');
      await start();
    });

    afterEach(async () => {
      await service.kill();
      await endMountProcesses(folder);
      expect(await azurite.blobs(container)).toMatchObject({ "in/words.txt": "one two" });
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    });

    async function start(environment: Readonly<Record<string, string>> = {}): Promise<void> {
      const limits = ["--flush-seconds", "10"];
      const flags = ["--mount-root", join(folder, "roots"), "--storage-suffix", azurite.suffix, ...limits];
      service = await ServiceProcess.start(
        join(folder, "data"),
        flags,
        { ...azurite.trust, ...environment },
        azurite.prefix,
      );
      arm = new ArmCaller(service.connection);
    }

    const volumes = (name = container) => ({ mountVolumes: { azureBlobFileSystems: [azurite.volume(name)] } });
    const onCluster = () => ({ nodeSetup: volumes() });
    const mountedHere = () => azurite.mounts().filter((target) => target.startsWith(folder));

    async function submit(name: string, commandLine: string, properties: Record<string, unknown> = {}): Promise<void> {
      await arm.expect("PUT", arm.jobPath(name), arm.jobBody(commandLine, properties));
    }

    async function state(name: string, wanted: RegExp): Promise<Record<string, unknown>> {
      await until(`job ${name} is ${String(wanted)}`, async () => {
        const { executionState } = await arm.job(name);
        return wanted.test(String(executionState));
      });
      return await arm.job(name);
    }

    const succeeds = async (name: string): Promise<void> => {
      expect(await state(name, /succeeded|failed/)).toMatchObject({ executionState: "succeeded" });
    };

    async function nothingIsMounted(): Promise<void> {
      await until("nothing is mounted", () => mountedHere().length === 0);
      await until("no process serves a mount", () => mountProcesses(folder).length === 0);
    }

    it("are read and written by jobs, listed with links of their account, and unmounted when the job ends", async () => {
      await arm.prepare();
      const properties = {
        ...volumes(),
        stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/blob",
        inputDirectories: [{ id: "IN", path: "$AZ_BATCHAI_JOB_MOUNT_ROOT/blob/in" }],
        outputDirectories: [{ id: "OUT", pathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/blob" }],
      };
      const secret = azurite.accountKey;
      const search = `cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c "[${secret.slice(0, 1)}]${secret.slice(1)}"`;
      const script = `mkdir "$AZ_BATCHAI_OUTPUT_OUT/deep"; $AZ_BATCHAI_INPUT_IN/run.sh $AZ_BATCHAI_INPUT_IN/words.txt`;
      const command = `${script} > "$AZ_BATCHAI_OUTPUT_OUT/deep/count.txt"; ${search} > "$AZ_BATCHAI_OUTPUT_OUT/keys" || true`;
      await submit("job", command, properties);
      await succeeds("job");
      expect(mountedHere()).toEqual([]);
      const blobs = Object.entries(await azurite.blobs(container));
      const blobEndingIn = (end: string) => blobs.find(([name]) => name.endsWith(end))?.[1];
      expect(blobEndingIn("/deep/count.txt")).toBe("2\n");
      expect(blobEndingIn("/keys")).toBe("0\n");
      const listed = await list("job", "OUT", ".");
      expect(listed.map(({ name, fileType }) => [name, fileType])).toEqual([
        ["deep", "directory"],
        ["keys", "file"],
      ]);
      const [count] = await list("job", "OUT", "deep");
      expect(count).toMatchObject({ name: "count.txt", fileType: "file", properties: { contentLength: 2 } });
      expect(await azurite.download(String(count?.downloadUrl))).toBe("2\n");
      expect((await list("job", "stdouterr", ".")).map(({ name }) => name)).toContain("execution.log");
      expect(service.output).not.toContain(secret);
      await nothingIsMounted();
    });

    async function list(name: string, id: string, directory: string): Promise<Record<string, unknown>[]> {
      const query = `api-version=2018-05-01&outputdirectoryid=${id}&directory=${directory}`;
      const { body, status, text } = await arm.send("POST", `${arm.jobPath(name)}/listOutputFiles`, undefined, {
        query,
      });
      expect(status, text).toBe(200);
      return body.value ?? [];
    }

    it("stay mounted for the jobs of a cluster until it has no nodes, and are mounted again if their process dies", async () => {
      await arm.prepare(2, onCluster());
      const copy = (name: string) => `cp $AZ_BATCHAI_MOUNT_ROOT/blob/in/words.txt $AZ_BATCHAI_MOUNT_ROOT/blob/${name}`;
      await submit("one", copy("one"));
      await succeeds("one");
      expect(mountedHere()).toHaveLength(1);
      const [before] = mountProcesses(folder);
      await submit("two", copy("two"));
      await succeeds("two");
      expect(mountProcesses(folder)).toEqual([before]);
      process.kill(before ?? 0, "SIGKILL");
      await submit("three", copy("three"));
      await succeeds("three");
      expect(mountProcesses(folder)).not.toEqual([before]);
      await arm.expect("PATCH", arm.inWorkspace("/clusters/nodes"), {
        properties: { scaleSettings: { manual: { targetNodeCount: 0 } } },
      });
      await nothingIsMounted();
      expect(await azurite.blobs(container)).toMatchObject({ one: "one two", two: "one two", three: "one two" });
      await arm.expect("PATCH", arm.inWorkspace("/clusters/nodes"), {
        properties: { scaleSettings: { manual: { targetNodeCount: 1 } } },
      });
      await until("it is mounted again", () => mountedHere().length === 1);
      await arm.expect("DELETE", arm.inWorkspace("/clusters/nodes"));
      await nothingIsMounted();
    });

    it("serve a job beyond the death of the service, which unmounts them after the job", async () => {
      await arm.prepare(1, onCluster());
      const gate = join(folder, "gate");
      const command = `touch ${folder}/up; until [ -e ${gate} ]; do sleep 0.05; done; echo late > $AZ_BATCHAI_JOB_MOUNT_ROOT/blob/late`;
      await submit("job", command, volumes());
      await until("the job runs", () => readdirSync(folder).includes("up"));
      await service.kill();
      expect(mountedHere()).toHaveLength(2);
      await start();
      expect(mountedHere()).toHaveLength(2);
      writeFileSync(gate, "");
      await succeeds("job");
      expect(await azurite.blobs(container)).toMatchObject({ late: "late\n" });
      await until("only the cluster's is mounted", () => mountedHere().length === 1);
      await service.stop();
      await nothingIsMounted();
    });

    it("are unmounted, whatever ends the job", { timeout: 120_000 }, async () => {
      await arm.prepare(1);
      const waiting = "cd $AZ_BATCHAI_JOB_MOUNT_ROOT/blob; sleep 1000";
      await submit("terminated", waiting, volumes());
      await until("the job has its volume", () => mountedHere().length === 1);
      await arm.expect("POST", `${arm.jobPath("terminated")}/terminate`);
      await state("terminated", /failed/);
      await nothingIsMounted();
      await submit("deleted", waiting, volumes());
      await until("the job has its volume", () => mountedHere().length === 1);
      await arm.expect("DELETE", arm.jobPath("deleted"));
      await nothingIsMounted();
      await submit("crashed", "kill -9 $$", volumes());
      await state("crashed", /failed/);
      await nothingIsMounted();
      await submit("requeued", waiting, volumes());
      await until("the job has its volume", () => mountedHere().length === 1);
      const scale = (targetNodeCount: number, nodeDeallocationOption: string) =>
        arm.expect("PATCH", arm.inWorkspace("/clusters/nodes"), {
          properties: { scaleSettings: { manual: { targetNodeCount, nodeDeallocationOption } } },
        });
      await scale(0, "requeue");
      await state("requeued", /queued/);
      await nothingIsMounted();
      await scale(1, "requeue");
      await until("the job has its volume again", () => mountedHere().length === 1);
      await arm.expect("DELETE", arm.inSubscription("/resourceGroups/group"));
      await nothingIsMounted();
    });

    it("that cannot be mounted fail the job with the reason", async () => {
      await arm.prepare(1);
      const failure = async (name: string, volume: Record<string, unknown>): Promise<string> => {
        await submit(name, "true", { mountVolumes: { azureBlobFileSystems: [volume] } });
        const { executionInfo } = await state(name, /failed/);
        const [error] = (executionInfo as { errors: { code: string; message: string; details: unknown[] }[] }).errors;
        expect(error).toMatchObject({ code: "BFSMountError", message: "unable to mount blob fuse file system" });
        return JSON.stringify(error?.details);
      };
      expect(await failure("none", azurite.volume("none"))).toContain("the account elsewhere has no container none");
      const wrong = Buffer.from("wrong").toString("base64");
      const refused = await failure("key", { ...azurite.volume(container), credentials: { accountKey: wrong } });
      expect(refused).toContain("the account elsewhere rejects its key");
      expect(refused).not.toContain(wrong);
      const unknown = { ...azurite.volume(container), accountName: "unknown" };
      expect(await failure("host", unknown)).toContain(
        `https://unknown.blob.${azurite.suffix}/${container} cannot be reached`,
      );
      await nothingIsMounted();
    });

    it("are mounted by blobfuse2 rather than rclone, with the key in a private file", async () => {
      await service.kill();
      const script = [
        "#!/bin/bash",
        `file="\${3#*=}"; stat -c %a "$file" > "${folder}/mode"; cp "$file" "${folder}/settings"; mkdir "${folder}/content"`,
        `printf '%s ' "$@" > "${folder}/arguments"; exec mount --bind "${folder}/content" "$2"`,
      ];
      await mkdir(join(folder, "bin"));
      await writeFile(join(folder, "bin/blobfuse2"), script.join("\n"), { mode: 0o755 });
      await start({ PATH: `${join(folder, "bin")}:${process.env.PATH ?? ""}` });
      await arm.prepare(1);
      const volume = { ...azurite.volume(container), mountOptions: "--read-only -o attr_timeout=240" };
      await submit("job", "true", { mountVolumes: { azureBlobFileSystems: [volume] } });
      await succeeds("job");
      expect(readFileSync(join(folder, "mode"), "utf8")).toBe("600\n");
      expect(readFileSync(join(folder, "arguments"), "utf8")).not.toContain(azurite.accountKey);
      expect(JSON.parse(readFileSync(join(folder, "settings"), "utf8"))).toMatchObject({
        "read-only": true,
        azstorage: {
          endpoint: `https://elsewhere.blob.${azurite.suffix}`,
          container,
          "account-name": "elsewhere",
          "account-key": azurite.accountKey,
        },
      });
      await nothingIsMounted();
    });

    it(
      "that do not respond delay neither the service nor other jobs, and are removed",
      { timeout: 180_000 },
      async () => {
        await arm.prepare(2);
        const stdOutErrPathPrefix = "$AZ_BATCHAI_JOB_MOUNT_ROOT/blob";
        await submit("hung", `touch ${folder}/up; sleep 1000`, { ...volumes(), stdOutErrPathPrefix });
        await until("the job runs", () => readdirSync(folder).includes("up"));
        for (const id of mountProcesses(folder)) process.kill(id, "SIGSTOP");
        await submit("other", "true");
        await succeeds("other");
        await arm.expect("POST", `${arm.jobPath("hung")}/terminate`);
        await submit("another", "true");
        await succeeds("another");
        await until("the job ends", async () => (await arm.job("hung")).executionState === "failed", 120_000);
        await nothingIsMounted();
      },
    );

    it("of a cluster that do not respond are left to the jobs that use them", { timeout: 120_000 }, async () => {
      await arm.prepare(2, onCluster());
      const gate = join(folder, "gate");
      const waiting = `touch ${folder}/up; until [ -e ${gate} ]; do sleep 0.05; done`;
      await submit("busy", `${waiting}; echo late > $AZ_BATCHAI_MOUNT_ROOT/blob/late`);
      await until("the job runs", () => readdirSync(folder).includes("up"));
      const servers = mountProcesses(folder);
      for (const id of servers) process.kill(id, "SIGSTOP");
      await submit("new", "true");
      const { executionInfo } = await state("new", /succeeded|failed/);
      for (const id of servers) process.kill(id, "SIGCONT");
      expect(JSON.stringify(executionInfo)).toContain("it is mounted but does not respond");
      writeFileSync(gate, "");
      await succeeds("busy");
      expect(mountProcesses(folder)).toEqual(servers);
      await submit("next", "true");
      await succeeds("next");
      await arm.expect("DELETE", arm.inWorkspace("/clusters/nodes"));
      await nothingIsMounted();
      expect(await azurite.blobs(container)).toMatchObject({ late: "late\n" });
    });

    async function createAgain(cluster: string): Promise<void> {
      await until("it is gone", async () => (await arm.send("GET", cluster)).status === 404);
      await arm.expect("PUT", cluster, clusterBody(1, onCluster()));
    }

    it(
      "keep all of their blobs, whenever the service is killed, and nothing stays mounted",
      { timeout: 300_000 },
      async () => {
        await arm.prepare(1, onCluster());
        const sleeping = "sleep 1000";
        const cluster = arm.inWorkspace("/clusters/nodes");
        const stages: readonly [string, () => Promise<unknown>][] = [
          ["a job was accepted", () => submit("a", sleeping, volumes())],
          ["its volume appears", () => until("it is mounted", () => mountedHere().length === 2)],
          ["it runs", () => state("a", /running/)],
          ["it is terminated", () => arm.expect("POST", `${arm.jobPath("a")}/terminate`)],
          ["it has ended", () => state("a", /failed/)],
          ["the next one was accepted", () => submit("b", sleeping, volumes())],
          ["the job is deleted", () => arm.expect("DELETE", arm.jobPath("b"))],
          ["the cluster is deleted", () => arm.expect("DELETE", cluster)],
          ["it is created again", () => createAgain(cluster)],
          ["its volume appears again", () => until("it is mounted", () => mountedHere().length === 1)],
          ["the group is deleted", () => arm.expect("DELETE", arm.inSubscription("/resourceGroups/group"))],
        ];
        for (const [stageName, reach] of stages) {
          await reach();
          await service.kill();
          expect(await azurite.blobs(container), stageName).toMatchObject({ "in/words.txt": "one two" });
          await start();
        }
        await until("the group is gone", async () => {
          return (await arm.send("GET", arm.inSubscription("/resourceGroups/group"))).status === 404;
        });
        await nothingIsMounted();
      },
    );
  },
);

/** IDs of the processes that serve mounts below a folder. */
function mountProcesses(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((id) => {
      try {
        return readFileSync(`/proc/${String(id)}/environ`, "utf8").includes(`BATCHAI_MOUNT_POINT=${folder}/`);
      } catch {
        return false;
      }
    });
}

async function endMountProcesses(folder: string): Promise<void> {
  for (const id of mountProcesses(folder)) process.kill(id, "SIGKILL");
  await until("no process serves a mount", () => mountProcesses(folder).length === 0);
}
