import { existsSync, readFileSync, statSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ContainerEngine, type ContainerEngineOptions } from "../../src/service/engines/docker/containerEngine.ts";
import { Engines } from "../../src/service/engines/engines.ts";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import type { LaunchPlan, LaunchSecrets, RunEnd, RunHandle } from "../../src/service/engines/engine.ts";
import { silentLogger } from "../../src/service/logger.ts";
import { until } from "../until.ts";
import { FakeDaemon } from "./fakeDaemon.ts";
import { type RunSketch, Workplace } from "./workplace.ts";

const image = "test/image:1";
const noSecrets: LaunchSecrets = { environment: {} };

let workplace: Workplace;
let daemon: FakeDaemon;
let engine: ContainerEngine;

beforeEach(async () => {
  workplace = await Workplace.make((folder) => ({ container: { image }, scratchRoots: [folder] }));
  daemon = new FakeDaemon(workplace.folder);
  await daemon.listen();
  engine = makeEngine();
});

afterEach(async () => {
  await engine.close();
  await daemon.close();
  const left = workplace.processes();
  await workplace.remove();
  expect(left).toEqual([]);
});

function makeEngine(options: Partial<ContainerEngineOptions> = {}): ContainerEngine {
  const { runs: runsFolder } = workplace;
  const containerEngine = daemon.address;
  return new ContainerEngine({ runsFolder, serviceId: "test", containerEngine, gracePeriodInMs: 1000, ...options });
}

/** The next engine of the service, after the one before was killed. */
async function restart(): Promise<void> {
  await engine.close();
  engine = makeEngine();
}

async function reserved(plan: LaunchPlan): Promise<RunHandle> {
  await engine.reserve(plan);
  return engine.handleFor(plan);
}

async function start(sketch: string | RunSketch | LaunchPlan, secrets = noSecrets): Promise<RunHandle> {
  const plan = typeof sketch === "object" && "runId" in sketch ? sketch : workplace.plan(sketch);
  const handle = await reserved(plan);
  await engine.start(plan, secrets, handle);
  return handle;
}

const run = async (sketch: string | RunSketch | LaunchPlan): Promise<RunEnd> => engine.wait(await start(sketch));
const succeeded = { kind: "exited", phase: "processes", exitCode: 0 };
const attempts = (): string => readFileSync(join(workplace.folder, "attempts"), "utf8");
const note = 'echo attempt >> "$WORKPLACE/attempts"';

describe("a container engine that loses requests and responses", () => {
  it.each([
    ["create", "lose the response"],
    ["create", "lose the request"],
    ["start", "lose the response"],
    ["start", "lose the request"],
    ["json", "lose the request"],
  ] as const)("runs a job once although %s: %s", async (action, how) => {
    daemon.misbehave(new RegExp(`/${action}$`), how);
    expect(await run(note)).toEqual(succeeded);
    expect(attempts()).toBe("attempt\n");
    expect(daemon.containers.size).toBe(0);
  });

  it("says that a run has not started if the engine stays silent, and the run never starts", async () => {
    await engine.close();
    engine = makeEngine({ silenceLimitInMs: 300 });
    daemon.misbehave(/POST .*\/start$/, "lose the request", 1000);
    const handle = await start(note);
    const reason = expect.stringContaining("does not respond") as string;
    expect(await engine.wait(handle)).toEqual({ kind: "notStarted", reason });
    expect(daemon.containers.size).toBe(0);
    expect(existsSync(join(workplace.folder, "attempts"))).toBe(false);
  });

  it("finds out about a start whose responses are all lost", async () => {
    await engine.close();
    engine = makeEngine({ silenceLimitInMs: 300 });
    daemon.misbehave(/POST .*\/start$/, "lose the response", 1000);
    daemon.misbehave(/GET \/containers\/.*\/json$/, "lose the request", 4);
    expect(await run(`${note}; sleep 1`)).toEqual(succeeded);
    expect(attempts()).toBe("attempt\n");
  });

  it("follows a run while the engine is dead, and removes the container when it is back", async () => {
    const handle = await start(workplace.gate("go"));
    await daemon.kill();
    await workplace.open("go");
    await until("the exit file is there", () => existsSync(join(workplace.runs, String(handle.runId), "exit.json")));
    await daemon.listen();
    expect(await engine.wait(handle)).toEqual(succeeded);
    expect(daemon.containers.size).toBe(0);
  });

  it("reports an end with an exit file although the engine does not come back", async () => {
    const handle = await start("exit 4");
    await daemon.kill();
    expect(await engine.wait(handle)).toMatchObject({ kind: "exited", exitCode: 4 });
    await engine.cleanUp(handle);
    const { container } = daemon;
    expect(container.state).toBe("exited");
    const add = (id: string, age: number): void => {
      const Labels = { "batchai.service": "test", "batchai.run": id };
      const created = Date.now() / 1000 - age;
      daemon.containers.set(id, { ...container, id, name: id, created, body: { ...container.body, Labels } });
    };
    await engine.probe();
    await daemon.listen();
    await until("the container is removed as a leftover", () => daemon.containers.size === 0);
    add("young", 200);
    add("old", 400);
    await engine.cleanUp(await reserved(workplace.plan("true")));
    await until("the old one is gone", () => !daemon.containers.has("old"));
    expect([...daemon.containers.keys()]).toEqual(["young"]);
  }, 30_000);

  it("does not say that a run has stopped before its container is gone", async () => {
    const handle = await start("sleep 600");
    await daemon.kill();
    let isStopped = false;
    const stopping = engine.stop(handle).then(() => (isStopped = true));
    await until("the stop is recorded", () => existsSync(join(workplace.runs, String(handle.runId), "exit.json")));
    expect(isStopped).toBe(false);
    await daemon.listen();
    await stopping;
    expect(await engine.wait(handle)).toEqual({ kind: "stopped" });
    expect(workplace.processes()).toEqual([]);
  });
});

describe("a container engine that was killed while it started a container", () => {
  const leftover = { status: 500, message: "failed to create task for container: task 2cb6: already exists: unknown" };

  it("gets a new container for the run, which then runs once", async () => {
    daemon.misbehave(/\/start$/, leftover, 2);
    expect(await run(note)).toEqual(succeeded);
    expect(attempts()).toBe("attempt\n");
    expect(daemon.calls.filter((call) => call === "POST /containers/create")).toHaveLength(3);
    expect(daemon.containers.size).toBe(0);
  });

  it("may also refuse to create or start it for another reason, after a request without a response", async () => {
    daemon.misbehave(/\/start$/, "lose the request");
    daemon.misbehave(/\/start$/, { status: 500, message: "something else" });
    daemon.misbehave(/\/create$/, "lose the request");
    daemon.misbehave(/\/create$/, { status: 500, message: "layer not known" });
    expect(await run(note)).toEqual(succeeded);
    expect(attempts()).toBe("attempt\n");
  });

  it("lets the run wait for a later attempt if that does not help", async () => {
    await engine.close();
    engine = makeEngine({ silenceLimitInMs: 300 });
    daemon.misbehave(/\/start$/, leftover, 1000);
    const reason = expect.stringContaining("already exists") as string;
    expect(await run(note)).toEqual({ kind: "notStarted", reason });
    expect(daemon.containers.size).toBe(0);
  });
});

describe("a container engine that was killed while it handed the output of a run over", () => {
  const leftover = { status: 500, message: "task 2cb6: already exists" };
  const uid = 4711;

  beforeEach(() => {
    vi.spyOn(process, "getuid").mockReturnValue(uid);
    vi.spyOn(process, "getgid").mockReturnValue(uid);
  });

  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.skipIf(process.getuid?.() !== 0)("does so with a copy of the container, and removes both", async () => {
    const handle = await start(workplace.gate("go"));
    const { id } = daemon.container;
    daemon.misbehave(new RegExp(`/${id}/start$`), leftover, 1000);
    daemon.misbehave(/\/start$/, { status: 500, message: "transport is closing" });
    daemon.misbehave(/\/create$/, "lose the response");
    await workplace.open("go");
    expect(await engine.wait(handle)).toEqual(succeeded);
    expect(statSync(join(workplace.output(String(handle.runId)), "stdout-proc0.txt")).uid).toBe(uid);
    expect(daemon.containers.size).toBe(0);
  });

  it("removes the copy if the service was killed meanwhile", async () => {
    await engine.probe();
    const handle = await start(workplace.gate("go"));
    const { container } = daemon;
    const Labels = { ...container.body.Labels, "batchai.run": `${String(handle.runId)}-output` };
    const state = { state: "exited", id: "copy", name: "copy", created: 0 } as const;
    daemon.containers.set("copy", { ...container, ...state, body: { ...container.body, Labels } });
    await restart();
    expect(await engine.recover(handle)).toMatchObject({ kind: "running" });
    await workplace.open("go");
    expect(await engine.wait(handle)).toEqual(succeeded);
    await engine.cleanUp(handle);
    await engine.probe();
    await until("the copy is gone", () => daemon.containers.size === 0);
  });
});

describe("podman that was killed while it removed a container", () => {
  const Labels = { "batchai.service": "test", "batchai.run": "broken" };

  function addBroken(labels: Record<string, string> = Labels, name = "batchai-broken"): void {
    const body = { Image: image, Env: [], Entrypoint: ["true"], Cmd: [], Labels: labels, HostConfig: {} };
    const created = Date.now() / 1000;
    const state = { state: "exited", created, exitCode: 0, oomKilled: false, isHalfRemoved: true } as const;
    daemon.containers.set(name, { id: name, name, body, ...state });
  }

  it("removes the container, and leaves those of others alone", async () => {
    addBroken();
    addBroken({ ...Labels, "batchai.service": "other" }, "foreign");
    await engine.probe();
    await until("it is removed", () => !daemon.containers.has("batchai-broken"));
    expect([...daemon.containers.keys()]).toEqual(["foreign"]);
  });

  it("does not keep other runs from being seen", async () => {
    const handle = await start("sleep 600");
    addBroken();
    const [container] = daemon.containers.values();
    if (container) daemon.killContainer(container);
    expect(await engine.wait(handle)).toMatchObject({ code: "RunLost" });
    expect([...daemon.containers.keys()]).toEqual(["batchai-broken"]);
  });

  it("ends the run of that container, and removes it", async () => {
    await engine.probe();
    const handle = await start("sleep 600");
    const { container } = daemon;
    daemon.killContainer(container);
    container.isHalfRemoved = true;
    expect(await engine.wait(handle)).toMatchObject({ code: "RunLost" });
    await engine.cleanUp(handle);
    await until("it is removed", () => daemon.containers.size === 0);
  });

  it("starts a run whose name it keeps", async () => {
    const plan = workplace.plan(note);
    addBroken({}, `batchai-${plan.runId}`);
    expect(await run(plan)).toEqual(succeeded);
    expect(attempts()).toBe("attempt\n");
  });
});

it("looks at each run by itself while its container engine refuses to list containers", async () => {
  const [killed, going] = [await start("sleep 600"), await start(workplace.gate("go"))];
  daemon.misbehave(/GET \/containers\/json$/, { status: 500, message: "something else" }, 1000);
  await restart();
  for (const handle of [killed, going]) expect(await engine.recover(handle)).toMatchObject({ kind: "running" });
  const [container] = daemon.containers.values();
  if (container) daemon.killContainer(container);
  expect(await engine.wait(killed)).toMatchObject({ code: "RunLost" });
  await workplace.open("go");
  expect(await engine.wait(going)).toEqual(succeeded);
});

describe("an engine that closes", () => {
  it.each(["GET /info", "GET /version", "POST /containers/create", "POST .*/start"])(
    "does not wait for a container engine that hangs in %s",
    async (request) => {
      const plan = workplace.plan("true");
      const handle = await reserved(plan);
      daemon.misbehave(new RegExp(request), "hang", 1000);
      const starting = engine.start(plan, noSecrets, handle);
      await until("it hangs", () => daemon.calls.some((call) => new RegExp(request).test(call)));
      await engine.close();
      await starting;
    },
    5000,
  );
});

describe("containers that end in other ways than by themselves", () => {
  it("are lost when somebody removes them", async () => {
    const handle = await start("sleep 600");
    daemon.killContainer(daemon.container);
    daemon.containers.clear();
    const end = await engine.wait(handle);
    expect(end).toMatchObject({ kind: "failed", code: "RunLost" });
    expect(end).toMatchObject({ message: expect.stringContaining("was removed from outside") as string });
  });

  it.each([
    ["lists them", 0],
    ["refuses to list them", 1000],
  ])("are lost when somebody gives their name to another container, while the engine %s", async (_, refusals) => {
    const handle = await start("sleep 600");
    const { container } = daemon;
    daemon.killContainer(container);
    daemon.containers.clear();
    const state = { state: "created", id: "other", body: { ...container.body, Labels: {} } } as const;
    daemon.containers.set("other", { ...container, ...state });
    daemon.misbehave(/GET \/containers\/json$/, { status: 500, message: "something else" }, refusals);
    await restart();
    await engine.recover(handle);
    expect(await engine.wait(handle)).toMatchObject({
      message: expect.stringContaining("removed from outside") as string,
    });
    expect([...daemon.containers.keys()]).toEqual(["other"]);
  });

  it("are lost when somebody kills them", async () => {
    const handle = await start("sleep 600");
    daemon.killContainer(daemon.container);
    const end = await engine.wait(handle);
    expect(end).toMatchObject({ kind: "failed", code: "RunLost" });
    expect(end).toMatchObject({ message: expect.stringMatching(/exit code 137.*somebody killed/) as string });
    expect(daemon.containers.size).toBe(0);
  });

  it("say that memory ran out, with and without an exit file, and after a restart", async () => {
    const limits = { memoryInBytes: 50 * 1024 * 1024 };
    const outOfMemory = { kind: "exited", exitCode: 137, outOfMemory: { limitInBytes: limits.memoryInBytes } };
    const handle = await start({ commands: [`${workplace.gate("go")}; kill -KILL $$`], plan: { limits } });
    daemon.container.oomKilled = true;
    await workplace.open("go");
    expect(await engine.wait(handle)).toMatchObject(outOfMemory);
    await restart();
    expect(await engine.recover(handle)).toMatchObject({ kind: "ended", end: outOfMemory });
    const other = await start({ commands: ["sleep 600"], plan: { limits } });
    daemon.container.oomKilled = true;
    daemon.killContainer(daemon.container);
    expect(await engine.wait(other)).toMatchObject(outOfMemory);
  });

  it("belong to another service if their label says so, and are left alone", async () => {
    const handle = await start("sleep 600");
    await engine.close();
    engine = makeEngine({ serviceId: "copy" });
    const state = await engine.recover(handle);
    const end = state.kind === "ended" ? state.end : await engine.wait(handle);
    expect(end).toMatchObject({ kind: "failed", message: expect.stringContaining("data folder was copied") as string });
    await engine.cleanUp(handle);
    expect(daemon.container.state).toBe("running");
  });
});

describe("what a job writes to the files of its run", () => {
  const folder = 'cd "$WORKPLACE/runs/$BATCHAI_RUN_ID"';
  const withdrawal = `${folder}; echo withdrawn > claim`;
  const denial = `${folder}; echo '{"kind":"notStarted"}' > exit.json`;
  const killed = { kind: "failed", code: "RunLost" };

  /** Starts a run that writes, and waits until it has. */
  async function startForger(writes: string): Promise<RunHandle> {
    const handle = await start(`${note}; ${writes}; touch "$WORKPLACE/written"; ${workplace.gate("go")}; exit 5`);
    await until("it has written", () => existsSync(join(workplace.folder, "written")));
    return handle;
  }

  it.each([
    ["withdraws its claim", withdrawal],
    ["empties its claim", `${folder}; : > claim`],
    ["removes its claim", `${folder}; rm claim`],
    ["says that it has not started", denial],
  ])("does not end it before its container, and it is found again, if it %s", async (_, writes) => {
    const handle = await startForger(writes);
    await restart();
    expect(await engine.recover(handle)).toMatchObject({ kind: "running" });
    await workplace.open("go");
    const isOwn = writes !== denial;
    expect(await engine.wait(handle)).toMatchObject(isOwn ? { kind: "exited", exitCode: 5 } : killed);
    expect(attempts()).toBe("attempt\n");
  });

  it.each([
    ["withdraws its claim", withdrawal],
    ["empties its claim", `${folder}; : > claim`],
    ["says that it has not started", denial],
    ["says so twice", `${withdrawal}; ${denial}`],
  ])("does not make it start again if it %s and somebody kills it", async (_, writes) => {
    const handle = await startForger(writes);
    await engine.close();
    daemon.killContainer(daemon.container);
    await until("it has ended", () => daemon.container.state === "exited");
    engine = makeEngine();
    const state = await engine.recover(handle);
    expect(state.kind === "ended" ? state.end : await engine.wait(handle)).toMatchObject(killed);
  });

  it("does not end it while the engine is silent", async () => {
    let failures = 0;
    const warn = (_: object, message: string): void =>
      void (failures += Number(message.includes("stop the rest of a run")));
    await engine.close();
    engine = makeEngine({ logger: { ...silentLogger, warn } });
    const exit = '{"kind":"exited","phase":"processes","exitCode":0}';
    const handle = await start(`${workplace.gate("forge")}; ${folder}; echo '${exit}' > exit.json; sleep 600`);
    await daemon.kill();
    await workplace.open("forge");
    let isOver = false;
    const ended = engine.wait(handle).then(() => (isOver = true));
    await until("it has been tried for long", () => isOver || failures >= 12);
    expect(isOver).toBe(false);
    expect(daemon.container.state).toBe("running");
    await daemon.listen();
    await ended;
    expect(daemon.containers.size).toBe(0);
  }, 60_000);
});

describe("a container that somebody has renamed", () => {
  it("is found, and removed in the end", async () => {
    const handle = await start(workplace.gate("go"));
    daemon.container.name = "renamed";
    await restart();
    expect(await engine.recover(handle)).toMatchObject({ kind: "running" });
    await workplace.open("go");
    expect(await engine.wait(handle)).toEqual(succeeded);
    expect(daemon.containers.size).toBe(0);
  });

  it("is lost only when it is killed", async () => {
    const handle = await start("sleep 600");
    daemon.container.name = "renamed";
    daemon.killContainer(daemon.container);
    const message = expect.stringMatching(/exit code 137.*somebody killed/) as string;
    expect(await engine.wait(handle)).toMatchObject({ code: "RunLost", message });
    expect(daemon.containers.size).toBe(0);
  });

  it("ends when the run is stopped", async () => {
    const handle = await start("sleep 600");
    daemon.container.name = "renamed";
    await restart();
    await engine.stop(handle);
    expect(await engine.wait(handle)).toEqual({ kind: "stopped" });
    expect(daemon.containers.size).toBe(0);
  });
});

describe("containers that cannot start", () => {
  it.each([
    ['exec: "bash": executable file not found in $PATH: unknown', /test\/image:1 has no bash/],
    ['could not select device driver "" with capabilities: [[gpu]]', /NVIDIA Container Toolkit/],
    ["something else", /cannot be started: something else\./],
  ])("say why: %s", async (message, reason) => {
    daemon.misbehave(/\/start$/, { status: 500, message });
    const end = await run("true");
    expect(end).toMatchObject({ kind: "failed", code: "FailedStartingContainer" });
    expect(end).toMatchObject({ details: [{ name: "imageName", value: image }] });
    expect(JSON.stringify(end)).toMatch(reason);
    expect(daemon.containers.size).toBe(0);
  });

  it.each([
    ["/create$", 500, "mkdir /var/lib/docker/overlay2/x: no space left on device"],
    ["/start$", 500, "fork/exec /proc/self/exe: resource temporarily unavailable"],
    ["/start$", 500, "OCI runtime create failed: cannot allocate memory"],
    ["/start$", 500, "context deadline exceeded"],
    ["/create$", 500, "database is locked"],
    ["/create$", 503, "the daemon starts"],
  ])("let the job wait while the engine lacks something: %s %i %s", async (request, status, message) => {
    daemon.misbehave(new RegExp(request), { status, message });
    const reason = `The container of the image ${image} cannot be started: ${message}.`;
    expect(await run(note)).toEqual({ kind: "notStarted", reason });
    expect(daemon.containers.size).toBe(0);
    expect(existsSync(join(workplace.folder, "attempts"))).toBe(false);
  });

  it("fail if the engine drops their GPUs without a word", async () => {
    daemon.grantsGpus = false;
    const plan = workplace.plan("true");
    const gpus = [{ index: 0, uuid: "GPU-1" }];
    const end = await run({ ...plan, nodes: plan.nodes.map((node) => ({ ...node, gpus })) });
    expect(JSON.stringify(end)).toMatch(/FailedStartingContainer.*GPU-1/);
    expect(daemon.containers.size).toBe(0);
  });

  it("fail with GPUs and podman before 5.4, although it was silent when the service asked what it is", async () => {
    daemon.version = { Version: "4.3.1", ApiVersion: "1.41", Components: [{ Name: "Podman Engine" }] };
    daemon.misbehave(/\/version$/, "lose the request");
    expect(await engine.probe()).toMatchObject({ usable: true });
    const plan = workplace.plan(note);
    const gpus = [{ index: 0, uuid: "GPU-1" }];
    const end = await run({ ...plan, nodes: plan.nodes.map((node) => ({ ...node, gpus })) });
    expect(end).toMatchObject({ kind: "failed", code: "FailedStartingContainer" });
    expect(end).toMatchObject({ message: expect.stringMatching(/podman 4\.3\.1 does not give GPUs.*5\.4/) as string });
    expect(daemon.containers.size).toBe(0);
    expect(existsSync(join(workplace.folder, "attempts"))).toBe(false);
  });

  it("fail if a container of somebody else has their name, and leave it alone", async () => {
    const plan = workplace.plan("true");
    const body = { Image: image, Env: [], Entrypoint: ["true"], Cmd: [], Labels: {}, HostConfig: {} };
    const name = `batchai-${plan.runId}`;
    const state = { state: "created", exitCode: 0, oomKilled: false } as const;
    daemon.containers.set("other", { id: "other", name, body, created: 0, ...state });
    expect(JSON.stringify(await run(plan))).toMatch(/Another container has the name batchai-/);
    expect(daemon.container.id).toBe("other");
  });

  it("fail if a size cannot be read, or a secret cannot be passed on unseen", async () => {
    const plan = workplace.plan("true");
    const shm = await run({ ...plan, container: { image, shmSize: "much" } });
    expect(JSON.stringify(shm)).toMatch(/properties.containerSettings.shmSize: .*much.* is not a size/);
    const handle = await start("true", { environment: { "odd-name": "s3cret" } });
    expect(JSON.stringify(await engine.wait(handle))).toMatch(/secret variable.*odd-name/);
  });

  it("are removed if the run is stopped while they are created", async () => {
    const plan = workplace.plan(note);
    const handle = await reserved(plan);
    daemon.misbehave(/\/create$/, "lose the response", 3);
    daemon.misbehave(/GET \/containers\/.*\/json$/, "lose the request", 3);
    const starting = engine.start(plan, noSecrets, handle);
    await until("it is created", () => daemon.containers.size === 1);
    await engine.stop(handle);
    await starting;
    expect(await engine.wait(handle)).toEqual({ kind: "stopped" });
    expect(daemon.containers.size).toBe(0);
    expect(existsSync(join(workplace.folder, "attempts"))).toBe(false);
  });
});

describe("a service that is killed", () => {
  it("starts a run again of which it finds a container that was never started", async () => {
    const plan = workplace.plan(note);
    const handle = await reserved(plan);
    daemon.misbehave(/\/start$/, "lose the request", 1000);
    void engine.start(plan, noSecrets, handle);
    await until("it is about to start", () => daemon.calls.some((call) => call.endsWith("/start")));
    await restart();
    expect(await engine.recover(handle)).toEqual({ kind: "ended", end: { kind: "notStarted" } });
    await engine.cleanUp(handle);
    expect(daemon.containers.size).toBe(0);
  });

  it("finds its runs again: those that run, and those that ended while it was away", async () => {
    const running = await start(workplace.gate("go"));
    const ended = await start("exit 7");
    await until("it has ended", () => existsSync(join(workplace.runs, String(ended.runId), "exit.json")));
    await restart();
    expect(await engine.recover(running)).toMatchObject({ kind: "running" });
    expect(await engine.recover(ended)).toMatchObject({ kind: "ended", end: { exitCode: 7 } });
    await workplace.open("go");
    expect(await engine.wait(running)).toEqual(succeeded);
    expect(daemon.containers.size).toBe(0);
  });

  it("removes a container that its engine creates only after the run has ended as not started", async () => {
    const plan = workplace.plan(note);
    const handle = await reserved(plan);
    daemon.misbehave(/\/create$/, "hang");
    void engine.start(plan, noSecrets, handle);
    await until("it hangs", () => daemon.calls.includes("POST /containers/create"));
    await restart();
    expect(await engine.recover(handle)).toEqual({ kind: "ended", end: { kind: "notStarted" } });
    await engine.cleanUp(handle);
    await engine.probe();
    const Labels = { "batchai.service": "test", "batchai.run": plan.runId };
    const body = { Image: image, Env: [], Entrypoint: ["true"], Cmd: [], Labels, HostConfig: {} };
    const state = { state: "created", created: Date.now() / 1000, exitCode: 0, oomKilled: false } as const;
    daemon.containers.set("late", { id: "late", name: `batchai-${plan.runId}`, body, ...state });
    await until("it is removed", () => daemon.containers.size === 0);
  });

  it("removes what it has left, and nothing of other services or of its own runs", async () => {
    const handle = await start(workplace.gate("go"));
    const [own] = daemon.containers.values();
    if (!own) throw new Error("no container");
    own.created -= 1000;
    const add = (id: string, service: string, age: number): void => {
      const Labels = { "batchai.service": service, "batchai.run": id };
      const created = Date.now() / 1000 - age;
      daemon.containers.set(id, { ...own, id, name: id, created, body: { ...own.body, Env: [], Labels } });
    };
    add("old", "test", 400);
    add("young", "test", 1);
    add("foreign", "other", 400);
    await engine.probe();
    await until("they are gone", () => !daemon.containers.has("old") && !daemon.containers.has("young"));
    expect([...daemon.containers.keys()]).toEqual([own.id, "foreign"]);
    await workplace.open("go");
    expect(await engine.wait(handle)).toEqual(succeeded);
  });
});

describe("what everybody may see of a container", () => {
  it("has no secrets, and the file that has them is gone before the job runs", async () => {
    const environment = 'ls "$WORKPLACE/runs/$BATCHAI_RUN_ID"; echo "$TOKEN"';
    const handle = await start(environment, { environment: { TOKEN: "s3cret-value" } });
    const { body } = daemon.container;
    expect(JSON.stringify(body)).not.toContain("s3cret");
    expect(body.Env).toEqual([`BATCHAI_RUN_ID=${String(handle.runId)}`, "NVIDIA_VISIBLE_DEVICES=void"]);
    expect(await engine.wait(handle)).toEqual(succeeded);
    const output = await readFile(join(workplace.output(String(handle.runId)), "stdout-proc0.txt"), "utf8");
    expect(output.split("\n")).toEqual(["claim", "plan", "s3cret-value", ""]);
  });

  it("does not include the GPUs that the image asks for", async () => {
    daemon.images.set(image, ["PATH=/usr/bin", "NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_REQUIRE_CUDA=cuda>=12"]);
    const { environment } = await engine.surroundings({ container: { image } });
    expect(environment).toEqual({ PATH: "/usr/bin", NVIDIA_REQUIRE_CUDA: "cuda>=12" });
  });

  it("is asked for once in a while for all runs together", async () => {
    // Processes would only keep the machine busy.
    const plans = Array.from({ length: 100 }, () => workplace.plan("true"));
    for (const { runId } of plans) addRunning(runId);
    const handles = await Promise.all(plans.map((plan) => reserved(plan)));
    for (const { runDirectory } of plans) await writeFile(join(runDirectory, "claim"), "1\n");
    await restart();
    for (const handle of handles) expect(await engine.recover(handle)).toMatchObject({ kind: "running" });
    await until("the first list", () => daemon.calls.includes("GET /containers/json"));
    daemon.calls.length = 0;
    const begin = performance.now();
    await until("three lists", () => daemon.calls.length >= 3);
    const ticks = Math.floor((performance.now() - begin) / 1000) + 1;
    expect(new Set(daemon.calls)).toEqual(new Set(["GET /containers/json"]));
    expect(daemon.calls.length).toBeLessThanOrEqual(ticks);
    for (const container of daemon.containers.values()) container.state = "exited";
    for (const { runDirectory } of plans) await writeFile(join(runDirectory, "exit.json"), JSON.stringify(succeeded));
    expect(await Promise.all(handles.map((handle) => engine.wait(handle)))).toEqual(plans.map(() => succeeded));
    expect(daemon.containers.size).toBe(0);
  }, 30_000);

  function addRunning(runId: string): void {
    const Labels = { "batchai.service": "test", "batchai.run": runId };
    const body = { Image: image, Env: [], Entrypoint: ["true"], Cmd: [], Labels, HostConfig: {} };
    const state = { state: "running", created: Date.now() / 1000, exitCode: 0, oomKilled: false } as const;
    daemon.containers.set(runId, { id: runId, name: `batchai-${runId}`, body, ...state });
  }
});

describe("odd responses of a container engine", () => {
  const understood = expect.stringMatching(
    /^The container engine at .* cannot be understood: its response is not /,
  ) as string;

  it.each(["", "null", "[]", "<html>", '{"Config":{"Env":"x"}}', '{"Config":{"Env":[5]}}', '{"Config":7}'])(
    "let the job wait: %s for an image",
    async (body) => {
      daemon.misbehave(/GET \/images/, { status: 200, body });
      const failing = engine.surroundings({ container: { image } });
      await expect(failing).rejects.toMatchObject({ code: "Shortage", message: understood });
    },
  );

  it.each(["null\n", "<html>\n", "[]\n", '{"status":"Pull', "7"])("let the job wait: %s for a pull", async (body) => {
    daemon.misbehave(/\/images\/create/, { status: 200, body });
    const failing = engine.surroundings({ container: { image: "new/image" } });
    await expect(failing).rejects.toMatchObject({ code: "Shortage", message: understood });
  });

  it.each(["", "{}", "null", '{"Id":5}'])("do not keep a run from starting: %s for a new container", async (body) => {
    daemon.misbehave(/\/create$/, { status: 201, body });
    daemon.misbehave(/GET \/info/, { status: 200, body: '{"SecurityOptions":[{}]}' });
    expect(await run(note)).toEqual(succeeded);
    expect(attempts()).toBe("attempt\n");
  });

  it.each(["null", "{}", '[{"Id":"x","Labels":null,"State":null}]'])(
    "say nothing of a run: %s for a list",
    async (body) => {
      const handle = await start(workplace.gate("go"));
      daemon.misbehave(/GET \/containers\/json$/, { status: 200, body }, 2);
      daemon.misbehave(/GET \/containers\/.+\/json$/, { status: 200, body: "{}" }, 1);
      await workplace.open("go");
      expect(await engine.wait(handle)).toEqual(succeeded);
    },
  );

  it("do not start a pull if the engine does not know the request", async () => {
    daemon.misbehave(/GET \/images/, { status: 404, body: "404 page not found\n" });
    const reason = `The image ${image} cannot be inspected: 404 page not found.`;
    await expect(engine.surroundings({ container: { image } })).rejects.toMatchObject({ reason });
    expect(daemon.pulls).toEqual([]);
  });

  it("count as an engine that may be back", async () => {
    daemon.misbehave(/version/, { status: 200, body: '{"Version":5,"ApiVersion":7,"Components":[null]}' });
    expect(await engine.probe()).toMatchObject({ usable: true });
  });
});

describe("pulls", () => {
  const needs = { container: { image: "team/trainer", serverUrl: "https://registry.test:5000", username: "me" } };
  const secrets = { environment: {}, registryPassword: "pass word" };
  const full = "registry.test:5000/team/trainer:latest";

  it("take the credentials, report their progress, and return the variables of the image", async () => {
    const reports: string[] = [];
    const found = engine.surroundings(needs, { secrets, report: (text) => reports.push(text) });
    await until("it pulls", () => daemon.pulls.length === 1);
    const [pull] = daemon.pulls;
    expect(pull?.image).toBe(full);
    expect(JSON.parse(Buffer.from(pull?.authorization ?? "", "base64url").toString())).toEqual({
      username: "me",
      password: "pass word",
      serveraddress: "registry.test:5000",
    });
    pull?.write({ id: "0123456789ab", status: "Downloading", progressDetail: { current: 1, total: 2 } });
    pull?.end();
    expect((await found).environment).toEqual({ PATH: "/usr/bin:/bin", FROM_IMAGE: "yes" });
    expect(reports).toEqual([`Pulling the image ${full}.`, `The image ${full} was pulled.`]);
    await engine.surroundings(needs);
    expect(daemon.pulls.length).toBe(1);
  });

  it("are shared by those who wait, and continue until the last one has left", async () => {
    const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
    const waits = [first, second].map(({ signal }) => engine.surroundings(needs, { secrets, abortSignal: signal }));
    const other = engine.surroundings(needs, { abortSignal: third.signal });
    await until("both pulls run", () => daemon.pulls.length === 2);
    first.abort();
    await expect(waits[0]).rejects.toMatchObject({ name: "AbortError" });
    expect(daemon.pulls.map((pull) => pull.isCancelled())).toEqual([false, false]);
    third.abort();
    await expect(other).rejects.toMatchObject({ name: "AbortError" });
    await until("one is cancelled", () => daemon.pulls.filter((pull) => pull.isCancelled()).length === 1);
    for (const pull of daemon.pulls) if (!pull.isCancelled()) pull.end();
    expect((await waits[1])?.environment.FROM_IMAGE).toBe("yes");
  });

  it("fail with the reason of the engine, or if they make no progress", async () => {
    await engine.close();
    engine = makeEngine({ stallLimitInMs: 200 });
    const refused = engine.surroundings(needs);
    await until("it pulls", () => daemon.pulls.length === 1);
    daemon.pulls[0]?.write({ error: "unauthorized", errorDetail: { message: "unauthorized: wrong password" } });
    const code = "FailedStartingContainer";
    await expect(refused).rejects.toMatchObject({
      code,
      reason: `The image ${full} cannot be pulled: unauthorized: wrong password.`,
    });
    const stalled = engine.surroundings(needs);
    await expect(stalled).rejects.toMatchObject({ code, message: expect.stringContaining("no progress") as string });
    await until("it is cancelled", () => daemon.pulls[1]?.isCancelled() === true);
  });

  it("have ten times as long while the engine unpacks a layer, of which podman says nothing", async () => {
    await engine.close();
    engine = makeEngine({ stallLimitInMs: 100 });
    const slow = engine.surroundings(needs);
    await until("it pulls", () => daemon.pulls.length === 1);
    daemon.pulls[0]?.write({ id: "0123456789ab", status: "Download complete" });
    await delay(500);
    daemon.pulls[0]?.end();
    expect((await slow).environment.FROM_IMAGE).toBe("yes");
    daemon.images.delete(full);
    const stalled = engine.surroundings(needs);
    await until("it pulls again", () => daemon.pulls.length === 2);
    daemon.pulls[1]?.write({ id: "0123456789ab", status: "Download complete" });
    await expect(stalled).rejects.toMatchObject({
      message: expect.stringContaining("no progress for 1 sec") as string,
    });
  });

  it.each(["unexpected EOF", "context canceled", "toomanyrequests: limit", "write /x: no space left on device"])(
    "wait with the job if they may succeed later: %s",
    async (message) => {
      const failing = engine.surroundings(needs);
      await until("it pulls", () => daemon.pulls.length === 1);
      daemon.pulls[0]?.write({ errorDetail: { message } });
      await expect(failing).rejects.toMatchObject({
        code: "Shortage",
        message: expect.stringContaining(message) as string,
      });
    },
  );

  it.each([502, 503, 504])("wait with the job while the engine responds with %i", async (status) => {
    daemon.misbehave(/GET \/images/, { status, message: "<html>" });
    await expect(engine.surroundings(needs)).rejects.toMatchObject({ code: "Shortage" });
    daemon.misbehave(/version/, { status, message: "<html>" });
    expect(await engine.probe()).toMatchObject({ usable: true });
  });

  it("wait with the job while the engine is away", async () => {
    await daemon.kill();
    await expect(engine.surroundings(needs)).rejects.toMatchObject({ code: "Shortage" });
  });
});

describe("the search for a container engine", () => {
  const probe = (containerEngine: string): Promise<{ usable: boolean; description: string }> => {
    return makeEngine({ containerEngine }).probe();
  };

  it("says what is there, and what to do if nothing is", async () => {
    expect(await engine.probe()).toMatchObject({
      usable: true,
      description: `Runs jobs in containers of Docker 28.0.0 at ${daemon.address}.`,
    });
    const none = await probe("none");
    expect(none.usable).toBe(false);
    expect(none.description).toMatch(/--container-engine.*containerEngine/);
    expect(() => makeEngine({ containerEngine: "tcp://host" })).toThrow(/auto, none or unix:\/\/\/PATH/);
  });

  it("logs which one it uses, which others it has seen, and that DOCKER_HOST is no socket", async () => {
    const [home, runtime] = [join(workplace.folder, "home"), join(workplace.folder, "runtime")];
    vi.stubEnv("DOCKER_HOST", "tcp://elsewhere:2375");
    vi.stubEnv("HOME", home);
    vi.stubEnv("XDG_RUNTIME_DIR", runtime);
    await mkdir(join(home, ".docker/run"), { recursive: true });
    await mkdir(runtime);
    await symlink(join(workplace.folder, "daemon.sock"), join(home, ".docker/run/docker.sock"));
    await symlink(join(workplace.folder, "daemon.sock"), join(runtime, "docker.sock"));
    const lines: string[] = [];
    const info = ({ found }: Record<string, unknown>): void => void lines.push(String(found));
    const auto = makeEngine({ containerEngine: "auto", logger: { ...silentLogger, info } });
    await auto.probe();
    await auto.probe();
    await auto.close();
    vi.unstubAllEnvs();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`Runs jobs in containers of Docker 28.0.0 at unix://${runtime}/docker.sock.`);
    expect(lines[0]).toContain(` Docker 28.0.0 is at unix://${home}/.docker/run/docker.sock.`);
    expect(lines[0]).toContain(" DOCKER_HOST is ignored");
    expect(lines[0]).not.toContain("elsewhere");
  });

  it("waits for an engine that is away for the moment", async () => {
    await daemon.kill();
    await mkdir(join(workplace.folder, "file"));
    await writeFile(join(workplace.folder, "file/x"), "");
    expect(await probe(daemon.address)).toMatchObject({ usable: true });
  });

  it("refuses GPUs in podman before 5.4", async () => {
    daemon.version = { Version: "4.3.1", ApiVersion: "1.41", Components: [{ Name: "Podman Engine" }] };
    await engine.probe();
    expect(engine.objection({ container: { image } })).toBeUndefined();
    expect(engine.objection({ container: { image }, gpuCount: 1 })?.message).toMatch(/podman 4.3.1 .*5.4/);
    expect(engine.objection({})?.code).toBe("FailedStartingProcess");
    const processes = new ProcessEngine({ runsFolder: workplace.runs });
    const engines = await Engines.probe([processes, engine], silentLogger);
    const reason = expect.stringMatching(/^podman 4.3.1 does not give GPUs .*--ignore-container-settings/) as string;
    await expect(engines.choose({ container: { image }, gpuCount: 1 })).rejects.toMatchObject({ reason });
    await processes.close();
  });
});
