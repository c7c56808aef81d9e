import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { containerObstacle } from "../containers/containerObstacle.ts";
import { containersLeft } from "../containers/containersLeft.ts";
import { daemonNames } from "../containers/daemons.ts";
import { imageTar, loadImage } from "../containers/images.ts";
import { registryUser } from "../containers/registry.ts";
import { sharedDaemon, sharedRegistry } from "../containers/sharedBed.ts";
import { titleOf } from "../programs.ts";
import { until } from "../until.ts";
import { EmbeddedService } from "./embeddedService.ts";

const obstacle = containerObstacle();
const image = "service/programs:1";
const onShare = { stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs" };
const inImage = (name = image, more: object = {}): object => ({
  containerSettings: { imageSourceRegistry: { image: name, ...more } },
});

describe.skipIf(obstacle).each(daemonNames)(titleOf("jobs in containers of %s", obstacle), (name) => {
  let embedded: EmbeddedService;
  let socket: string;

  beforeAll(async () => {
    const daemon = await sharedDaemon(name);
    ({ socket } = daemon);
    await loadImage(socket, image, await imageTar());
    embedded = await EmbeddedService.start({ gracePeriodInMs: 1000, containerEngine: daemon.address });
    const mount = await embedded.share("logs");
    await embedded.arm.prepare(2, { nodeSetup: { mountVolumes: { azureFileShares: [mount] } } });
    await embedded.counts({ idleNodeCount: 2 });
  }, 120_000);

  afterAll(async () => {
    await embedded.close();
    expect(await containersLeft(socket)).toEqual([]);
  });

  it("run to their end, with volumes, variables and secrets, beside jobs without containers", async () => {
    const command =
      'test -e /bin/busybox && echo "$FROM_IMAGE $PLAIN $HIDDEN"; df /dev/shm | tail -1 | tr -s " " | cut -d" " -f2; ' +
      'echo kept > "$AZ_BATCHAI_MOUNT_ROOT/logs/kept"; exit 3';
    const settings = { shmSize: "16m", imageSourceRegistry: { image } };
    const [job, plain] = await Promise.all([
      embedded.run("contained", command, {
        ...onShare,
        containerSettings: settings,
        environmentVariables: [{ name: "PLAIN", value: "of $FROM_IMAGE" }],
        secrets: [{ name: "HIDDEN", value: "a'b\"c$d" }],
      }),
      embedded.run("process", "echo $$ > pid", onShare),
    ]);
    expect(job).toMatchObject({ executionState: "failed", executionInfo: { exitCode: 3 } });
    expect(plain).toMatchObject({ executionState: "succeeded" });
    const files = await embedded.files("contained", "stdouterr");
    expect(files).toMatchObject({ "stdout.txt": "yes of yes a'b\"c$d\n16384\n", "stderr.txt": "" });
    expect(await readFile(join(embedded.folder, "files/accounts/batchaistorage/shares/logs/kept"), "utf8").catch(() => "")).toBe("kept\n");
  });

  it("pull their image with a password, and say so while it happens", async () => {
    const registry = await sharedRegistry();
    const pulled = await registry.push(`team/${name}:1`, await imageTar());
    const { username, password } = registryUser;
    const [repository] = [pulled.slice(pulled.indexOf("/") + 1)];
    const credentials = { username, password };
    const job = await embedded.run("pulls", "echo $FROM_IMAGE", {
      ...onShare,
      ...inImage(repository, { serverUrl: `http://${registry.host}`, credentials }),
    });
    expect(job).toMatchObject({ executionState: "succeeded" });
    const log = (await embedded.files("pulls", "stdouterr"))["execution.log"];
    expect(log).toContain(`Pulling the image ${pulled}.`);
    expect(log).toContain(`The image ${pulled} was pulled.`);
    expect(log).not.toContain(password);
  });

  it("fail with the reason of the registry", async () => {
    const registry = await sharedRegistry();
    const secret = await registry.push(`team/secret-${name}:1`, await imageTar({ files: { "etc/x": name } }));
    const credentials = { username: registryUser.username, password: "wrong" };
    const wrong = await embedded.run("wrong-password", "true", inImage(secret, { credentials }));
    const absent = await embedded.run("absent-image", "true", inImage(`${registry.host}/team/absent`, { credentials: registryUser }));
    const unreachable = await embedded.run("no-registry", "true", inImage("127.0.0.1:9/team/image:2"));
    for (const [job, reason] of [
      [wrong, /secret-.*(unauthorized|no basic auth|authentication required|invalid username)/i],
      [absent, /absent:latest.*(not found|manifest unknown)/i],
      [unreachable, /127\.0\.0\.1:9.*connection refused/i],
    ] as const) {
      expect(job).toMatchObject({ executionState: "failed" });
      const { errors } = job.executionInfo as { errors: { code: string; message: string }[] };
      expect(errors).toMatchObject([{ code: "FailedStartingContainer" }]);
      expect(JSON.stringify(errors)).toMatch(reason);
    }
  });

  it("fail if their image has no bash", async () => {
    await loadImage(socket, "service/no-bash:1", await imageTar({ bash: false }));
    const job = await embedded.run("no-bash", "true", inImage("service/no-bash:1"));
    expect(JSON.stringify(job.executionInfo)).toMatch(/FailedStartingContainer.*service\/no-bash:1 has no bash/);
  });

  it("are stopped when they are terminated", async () => {
    const { arm } = embedded;
    const command = 'trap "echo saved; exit 0" TERM; echo ready; while :; do sleep 0.05; done';
    await arm.expect("PUT", arm.jobPath("stops"), arm.jobBody(command, { ...onShare, ...inImage() }));
    await until("it is ready", async () => {
      const files = await embedded.files("stops", "stdouterr").catch(() => ({}) as Record<string, string>);
      return files["stdout.txt"] === "ready\n";
    });
    await arm.send("POST", `${arm.jobPath("stops")}/terminate`);
    await embedded.ended("stops");
    expect(await embedded.files("stops", "stdouterr")).toMatchObject({ "stdout.txt": "ready\nsaved\n" });
  });

  it("end with OutOfMemory or a killed container as they are", async () => {
    const { arm } = embedded;
    await arm.expect("PUT", arm.jobPath("killed"), arm.jobBody("sleep 600", { ...onShare, ...inImage() }));
    let ids: string[] = [];
    await until("its container runs", async () => {
      ids = await containersLeft(socket);
      return ids.some((text) => text.includes("running"));
    });
    const run = /container of run (\S+),/.exec(ids[0] ?? "")?.[1] ?? "";
    await fetchKill(socket, `batchai-${run}`);
    const job = await embedded.ended("killed");
    expect(JSON.stringify(job.executionInfo)).toMatch(/RunLost.*container of the job ended with exit code 137/);
  });
});

async function fetchKill(socket: string, name: string): Promise<void> {
  const { askDaemon } = await import("../containers/daemonApi.ts");
  await askDaemon(socket, "POST", `/containers/${name}/kill`);
  await writeFile("/dev/null", "");
}
