import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { errorCode } from "../../src/ground/systemErrors.ts";
import { containerObstacle } from "../containers/containerObstacle.ts";
import { containersLeft } from "../containers/containersLeft.ts";
import { askDaemon } from "../containers/daemonApi.ts";
import { daemonNames } from "../containers/daemons.ts";
import { imageTar, loadImage } from "../containers/images.ts";
import { type Registry, registryUser } from "../containers/registry.ts";
import { sharedDaemon, type SharedDaemon, sharedRegistry } from "../containers/sharedBed.ts";
import { textOf } from "../engines/workplace.ts";
import { titleOf } from "../programs.ts";
import { until } from "../until.ts";
import { ArmCaller } from "./arm.ts";
import { EmbeddedService } from "./embeddedService.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";

const obstacle = containerObstacle();
const image = "jobs/programs:1";
const where = '[ -e /etc/debian_version ] && echo "on the machine" || echo "in $FROM_IMAGE image"';
const inside = "in yes image\n";
const shareFolder = "$AZ_BATCHAI_MOUNT_ROOT/share";
const kept = { stdOutErrPathPrefix: shareFolder };

describe.skipIf(obstacle).each(daemonNames)(titleOf("container jobs with %s", obstacle), (name) => {
  let daemon: SharedDaemon;
  let registry: Registry;
  let embedded: EmbeddedService;
  let share: string;

  beforeAll(async () => {
    daemon = await sharedDaemon(name);
    registry = await sharedRegistry();
    await loadImage(daemon.socket, image, await imageTar());
    embedded = await EmbeddedService.start({ containerEngine: daemon.address, gracePeriodInMs: 1000 });
    const volume = await embedded.share("share");
    share = join(embedded.folder, "files", embedded.service.connection.storage.accountName, "share");
    await embedded.arm.prepare(4, { nodeSetup: { mountVolumes: { azureFileShares: [volume] } } });
  });

  afterEach(async () => {
    const runs = join(embedded.folder, "runs");
    const names = existsSync(runs) ? readdirSync(runs) : [];
    await until("no container of an ended job is left", async () => {
      return (await containersLeft(daemon.socket, names)).length === 0;
    });
  });

  afterAll(async () => {
    await embedded.close();
    expect((await containersLeft(daemon.socket)).filter((left) => !left.includes("conformance"))).toEqual([]);
  });

  const container = (full = image, more: Record<string, unknown> = {}): Record<string, unknown> => ({
    containerSettings: { imageSourceRegistry: { image: full, ...more } },
  });

  /** Starts a job that waits until `open` is called, and resolves when it does. */
  async function hold(job: string, properties: Record<string, unknown> = container(), command = "true"): Promise<void> {
    const wait = `: > "${shareFolder}/at-${job}"; until [ -e "${shareFolder}/go-${job}" ]; do sleep 0.02; done`;
    await embedded.arm.expect(
      "PUT",
      embedded.arm.jobPath(job),
      embedded.arm.jobBody(`${command}; ${wait}`, { ...kept, ...properties }),
    );
    await until(`the job ${job} waits`, () => existsSync(join(share, `at-${job}`)));
  }

  async function open(job: string): Promise<void> {
    await writeFile(join(share, `go-${job}`), "");
  }

  async function stdout(job: string): Promise<string | undefined> {
    return (await embedded.files(job, "stdouterr"))["stdout.txt"];
  }

  it("runs jobs with container settings in containers and others as processes, side by side", async () => {
    await hold("contained", container(), where);
    await hold("plain", {}, where);
    await Promise.all([open("contained"), open("plain")]);
    expect(await embedded.ended("contained")).toMatchObject({ executionState: "succeeded" });
    expect(await embedded.ended("plain")).toMatchObject({ executionState: "succeeded" });
    expect(await stdout("contained")).toBe(inside);
    expect(await stdout("plain")).toBe("on the machine\n");
  });

  it("reports exit codes, and runs preparation in the container and set-up tasks outside of it", async () => {
    const volume = await embedded.share("share");
    const { arm } = embedded;
    const setupTask = { commandLine: `{ ${where}; } > ${shareFolder}/set-up`, stdOutErrPathPrefix: shareFolder };
    await arm.expect("PUT", arm.inWorkspace("/clusters/fresh"), {
      properties: {
        vmSize: "STANDARD_NC6",
        scaleSettings: { manual: { targetNodeCount: 1 } },
        userAccountSettings: { adminUserName: "demo", adminUserPassword: "pass-word-of-the-admin" },
        nodeSetup: { setupTask, mountVolumes: { azureFileShares: [volume] } },
      },
    });
    const job = await embedded.run("prepared", "exit 7", {
      ...kept,
      ...container(),
      cluster: { id: arm.inWorkspace("/clusters/fresh") },
      jobPreparation: { commandLine: where },
    });
    expect(job).toMatchObject({ executionState: "failed", executionInfo: { exitCode: 7 } });
    const prepared = Object.entries(await embedded.files("prepared", "stdouterr")).filter(([file]) =>
      /^stdout.*job_prep/.test(file),
    );
    expect(prepared.map(([, text]) => text)).toEqual([inside]);
    expect(await readFile(join(share, "set-up"), "utf8")).toBe("on the machine\n");
    await arm.expect("DELETE", arm.inWorkspace("/clusters/fresh"));
  });

  it("gives a job its volumes, directories and output files, and runs all nodes of it", async () => {
    const own = await embedded.share("own");
    await writeFile(join(share, "input"), "from the share\n");
    const job = await embedded.run(
      "volumes",
      'cat "$AZ_BATCHAI_INPUT_IN/input"; echo model > "$AZ_BATCHAI_OUTPUT_MODEL/model"; ' +
        'echo own > "$AZ_BATCHAI_JOB_MOUNT_ROOT/own/file"; echo "$AZ_BATCH_HOST_LIST" | tr "," "\\n" | wc -l; ' +
        'echo scratch > "$AZ_BATCHAI_JOB_TEMP/x" && df /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2',
      {
        containerSettings: { imageSourceRegistry: { image }, shmSize: "48m" },
        nodeCount: 3,
        stdOutErrPathPrefix: shareFolder,
        inputDirectories: [{ id: "IN", path: shareFolder }],
        outputDirectories: [{ id: "MODEL", pathPrefix: shareFolder, pathSuffix: "Models" }],
        mountVolumes: { azureFileShares: [own] },
      },
    );
    expect(job).toMatchObject({ executionState: "succeeded" });
    expect(await stdout("volumes")).toBe(`from the share\n3\n${48 * 1024}\n`);
    expect(await embedded.files("volumes", "MODEL")).toEqual({ model: "model\n" });
    expect(await readFile(join(share, "../own/file"), "utf8")).toBe("own\n");
  });

  it("pulls with a password, once for several jobs, and says so in the execution log", async () => {
    const tree = await imageTar({ files: { "usr/share/size": "x".repeat(5_000_000) } });
    const full = await registry.push(`private/trainer-${name}:1`, tree);
    const { username, password } = registryUser;
    const settings = container(full, { serverUrl: registry.host, credentials: { username, password } });
    const before = readFileSync(registry.log, "utf8").length;
    const jobs = ["pull1", "pull2", "pull3"];
    for (const job of jobs) {
      await embedded.arm.expect(
        "PUT",
        embedded.arm.jobPath(job),
        embedded.arm.jobBody(where, { ...kept, ...settings }),
      );
    }
    for (const job of jobs) {
      expect(await embedded.ended(job)).toMatchObject({ executionState: "succeeded" });
      expect(await stdout(job)).toBe(inside);
    }
    const logs = await Promise.all(
      jobs.map(async (job) => (await embedded.files(job, "stdouterr"))["execution.log"] ?? ""),
    );
    expect(logs.join("")).toContain(`Pulling the image ${full}.`);
    expect(logs.join("")).toContain(`The image ${full} was pulled.`);
    expect(logs.join("")).not.toContain(password);
    const requests = readFileSync(registry.log, "utf8").slice(before);
    const blobs = requests.match(new RegExp(`"GET /v2/private/trainer-${name}/blobs/`, "g")) ?? [];
    // The configuration of the image and its only layer.
    expect(blobs).toHaveLength(2);
    await askDaemon(daemon.socket, "DELETE", `/images/${full}`);
  });

  it("fails a job whose password is wrong, and one whose image has no bash", async () => {
    const full = await registry.push(`private/locked-${name}:1`, await imageTar());
    const credentials = { username: registryUser.username, password: "not the password" };
    const settings = container(full, { serverUrl: registry.host, credentials });
    const wrong = await embedded.run("wrong", "true", { ...kept, ...settings });
    const log = (await embedded.files("wrong", "stdouterr"))["execution.log"];
    expect(log).toMatch(/Pulling the image [^\n]+\n[^\n]+ Run failed: The image [^\n]+ cannot be pulled/);
    expect(wrong).toMatchObject({ executionInfo: { errors: [{ code: "FailedStartingContainer" }] } });
    expect(JSON.stringify(wrong)).toMatch(/unauthorized|authentication required|401/i);
    expect(JSON.stringify(wrong)).not.toContain("not the password");

    await loadImage(daemon.socket, "jobs/without-bash:1", await imageTar({ bash: false }));
    const poor = await embedded.run("poor", "true", container("jobs/without-bash:1"));
    expect(poor).toMatchObject({
      executionInfo: {
        errors: [{ code: "FailedStartingContainer", message: expect.stringMatching(/has no bash/) as string }],
      },
    });
  });

  it("terminates and deletes jobs, and stops those that take too long, with all their processes", async () => {
    const command = "(sleep 98701 &) & setsid sleep 98701 & trap 'echo saved; exit 0' TERM";
    const { arm } = embedded;
    await hold("terminated", container(), command);
    await hold("deleted", container(), command);
    await hold("long", { ...container(), constraints: { maxWallClockTime: "PT2S" } }, command);
    await arm.expect("POST", `${arm.jobPath("terminated")}/terminate`);
    await arm.expect("DELETE", arm.jobPath("deleted"));
    expect(await embedded.ended("terminated")).toMatchObject({
      executionInfo: { errors: [{ code: "JobTerminated" }] },
    });
    expect(await embedded.ended("long")).toMatchObject({
      executionInfo: { errors: [{ code: "JobMaxWallClockTimeExceeded" }] },
    });
    expect(await stdout("terminated")).toBe("saved\n");
    await until("the job is deleted", async () => (await arm.send("GET", arm.jobPath("deleted"))).status === 404);
    expect(commandLines().filter((line) => line.includes("98701"))).toEqual([]);
  });

  it("shows secrets to the job alone", async () => {
    const full = await registry.push(`private/secret-${name}:1`, await imageTar());
    const secret = `s3cret-${process.pid}-${name}`;
    const beganAt = Date.now();
    const isNew = (file: string): boolean => (statSync(file, { throwIfNoEntry: false })?.ctimeMs ?? 0) >= beganAt;
    const seen = new Set<string>();
    const sampling = setInterval(() => commandLines().forEach((line) => seen.add(line)), 50);
    const { username, password } = registryUser;
    await hold(
      "secret",
      {
        ...container(full, { serverUrl: registry.host, credentials: { username, password } }),
        secrets: [{ name: "TOKEN", value: secret }],
        jobPreparation: { commandLine: 'printf %s "$TOKEN" | wc -c' },
      },
      'printf %s "$TOKEN" | md5sum | cut -c -32 ; sleep 0.3',
    );
    const own = await containersLeft(daemon.socket);
    const filters = encodeURIComponent(JSON.stringify({ label: ["batchai.run"] }));
    const listed = await askDaemon(daemon.socket, "GET", `/containers/json?all=1&filters=${filters}`);
    const ids = (JSON.parse(listed) as { Id: string }[]).map(({ Id }) => Id);
    const shown = await Promise.all([
      ...ids.map((id) => askDaemon(daemon.socket, "GET", `/containers/${id}/json`)),
      askDaemon(daemon.socket, "GET", `/images/${full}/json`),
      askDaemon(daemon.socket, "GET", `/images/${full}/history`),
    ]);
    expect(own.length).toBeGreaterThan(0);
    const encoded = Buffer.from(password).toString("base64");
    const hidden = [
      secret,
      password,
      JSON.stringify(password).slice(1, -1),
      encoded,
      Buffer.from(secret).toString("base64"),
    ];
    const leaks = (text: string): string[] => hidden.filter((each) => text.includes(each));
    expect(shown.flatMap(leaks)).toEqual([]);
    // While it runs: neither the engine's files, its layers included, nor the service's files have them.
    const folders = [daemon.folder, embedded.folder];
    const files = withoutHardLinks(folders.flatMap((folder) => filesBelow(folder)).filter(isNew));
    expect(files.length).toBeGreaterThan(10);
    expect(files.filter((file) => leaks(bytesOf(file)).length > 0)).toEqual([]);
    await open("secret");
    expect(await embedded.ended("secret")).toMatchObject({ executionState: "succeeded" });
    clearInterval(sampling);
    expect([...seen].flatMap(leaks)).toEqual([]);
    expect([...seen].some((line) => line.includes("batchai-supervisor"))).toBe(true);
    expect(await stdout("secret")).toMatch(/^[0-9a-f]{32}\n$/);
    await askDaemon(daemon.socket, "DELETE", `/images/${full}`);
  });

  it("lets jobs of both kinds survive a crash of the service, and terminates those of an earlier start", async () => {
    await withFolder(async (folder) => {
      const flags = ["--container-engine", daemon.address];
      const first = await ServiceProcess.start(folder, flags);
      const arm = new ArmCaller(first.connection);
      await arm.prepare(4);
      const gate = join(folder, "files", first.connection.storage.accountName, "gate");
      await mkdir(gate, { recursive: true });
      const volume = {
        accountName: first.connection.storage.accountName,
        azureFileUrl: `https://${first.connection.storage.accountName}.file.core.windows.net/gate`,
        credentials: { accountKey: first.connection.storage.accountKey },
        relativeMountPath: "gate",
      };
      const mountVolumes = { azureFileShares: [volume] };
      const wait =
        'cd "$AZ_BATCHAI_JOB_MOUNT_ROOT/gate"; echo x >> "$LINES_OF"; until [ -e go ]; do sleep 0.02; done; exit 3';
      const jobs = { contained: container(), plain: {}, endless: container() };
      for (const [job, properties] of Object.entries(jobs)) {
        const environmentVariables = [{ name: "LINES_OF", value: job }];
        await arm.expect(
          "PUT",
          arm.jobPath(job),
          arm.jobBody(wait, { ...properties, mountVolumes, environmentVariables }),
        );
      }
      await until("all run", () => Object.keys(jobs).every((job) => existsSync(join(gate, job))));
      await first.kill();

      const second = await ServiceProcess.start(folder, flags);
      const again = new ArmCaller(second.connection);
      const state = async (job: string): Promise<string> => String((await again.job(job)).executionState);
      for (const job of Object.keys(jobs)) expect(await state(job)).toBe("running");
      await again.expect("POST", `${again.jobPath("endless")}/terminate`);
      await until("it has ended", async () => (await state("endless")) === "failed");
      expect(await again.job("endless")).toMatchObject({ executionInfo: { errors: [{ code: "JobTerminated" }] } });
      await writeFile(join(gate, "go"), "");
      for (const job of ["contained", "plain"]) {
        await until(`${job} has ended`, async () => (await state(job)) === "failed");
        expect(await again.job(job)).toMatchObject({ executionInfo: { exitCode: 3 } });
        expect(await readFile(join(gate, job), "utf8")).toBe("x\n");
      }
      await second.stop();
    });
  });

  it("hands output over to the user of a service that is not root", async () => {
    await withFolder(async (folder) => {
      const user = 40_000 + (process.pid % 20_000);
      const id = String(user);
      chmodSync(folder, 0o777);
      chmodSync(daemon.socket, 0o666);
      for (const above of [daemon.folder, join(daemon.folder, "..")]) chmodSync(above, 0o711);
      const prefix = ["setpriv", "--reuid", id, "--regid", id, "--clear-groups", "--", "env", `HOME=${folder}`];
      const dataDir = join(folder, "data");
      const flags = ["--container-engine", daemon.address];
      const service = await ServiceProcess.start(dataDir, flags, { XDG_STATE_HOME: join(folder, "state") }, prefix);
      const arm = new ArmCaller(service.connection);
      await arm.prepare(1);
      const commandLine =
        'id -u; cd "$AZ_BATCHAI_OUTPUT_OUT"; mkdir a; echo x > a/b; ln -s /etc/passwd link; chmod 0 a/b';
      const outputs = [{ id: "OUT", pathPrefix: "$AZ_BATCHAI_JOB_TEMP_DIR" }];
      const body = arm.jobBody(commandLine, { ...container(), outputDirectories: outputs });
      await arm.expect("PUT", arm.jobPath("owned"), body);
      await until("it has ended", async () => /succeeded|failed/.test(String((await arm.job("owned")).executionState)));
      expect(await arm.job("owned")).toMatchObject({ executionState: "succeeded" });
      // The service removes the folder of the run meanwhile.
      const owners = filesBelow(folder, true).flatMap((path) => {
        const uid = statSync(path, { throwIfNoEntry: false })?.uid;
        return uid === undefined ? [] : [[path, uid]];
      });
      expect(owners.length).toBeGreaterThan(5);
      expect(owners.filter(([, uid]) => uid !== user)).toEqual([]);
      expect(statSync("/etc/passwd").uid).toBe(0);
      expect(await service.stop()).toBe(0);
    });
  });
});

describe("container jobs without a container engine", () => {
  it("wait for one that was named and does not respond, and say so", async () => {
    const embedded = await EmbeddedService.start({ containerEngine: "unix:///nowhere/docker.sock" });
    try {
      const { arm } = embedded;
      await arm.prepare(1);
      const job = arm.jobBody("true", { containerSettings: { imageSourceRegistry: { image } } });
      await arm.expect("PUT", arm.jobPath("contained"), job);
      await until("the job waits", async () => {
        const { batchai } = (await arm.job("contained")) as { batchai?: { waitingFor?: { message: string } } };
        return batchai?.waitingFor?.message.includes("/nowhere/docker.sock") ?? false;
      });
      await arm.expect("POST", `${arm.jobPath("contained")}/terminate`);
    } finally {
      await embedded.close();
    }
  });

  it("fail if there is none, and the error says what to do", async () => {
    const embedded = await EmbeddedService.start({ containerEngine: "none" });
    try {
      await embedded.arm.prepare(1);
      const job = await embedded.run("contained", "true", {
        containerSettings: { imageSourceRegistry: { image } },
      });
      expect(job).toMatchObject({
        executionState: "failed",
        executionInfo: { errors: [{ code: "FailedStartingContainer" }] },
      });
      const { errors } = job.executionInfo as { errors: { message: string }[] };
      expect(errors[0]?.message).toMatch(/--container-engine/);
      expect(errors[0]?.message).toMatch(/containerEngine/);
      expect(errors[0]?.message).toMatch(/Install Docker or podman/);
      expect(await embedded.run("plain", "true")).toMatchObject({ executionState: "succeeded" });
    } finally {
      await embedded.close();
    }
  });
});

/** Command lines of all processes. */
function commandLines(): string[] {
  const pids = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid));
  return pids.map((pid) => textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " "));
}

/** Paths of the regular files below a folder, and of folders if wanted; links are left out. */
function filesBelow(folder: string, withFolders = false): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() || (withFolders && entry.isDirectory()))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Leaves out further names of the same file: an image has hundreds for busybox. */
function withoutHardLinks(files: readonly string[]): string[] {
  const byInode = new Map<string, string>();
  for (const file of files) {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found) byInode.set(`${found.dev}:${found.ino}`, file);
  }
  return [...byInode.values()];
}

/** Returns the bytes of a file as text; "" if it is gone: containers of other tests end while this one looks. */
function bytesOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "";
    throw error;
  }
}
