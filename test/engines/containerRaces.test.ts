import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ContainerEngine } from "../../src/service/engines/docker/containerEngine.ts";
import type { LaunchSecrets, RunHandle } from "../../src/service/engines/engine.ts";
import { ContainerBed } from "../containers/containerBed.ts";
import { containerObstacle } from "../containers/containerObstacle.ts";
import { containersLeft } from "../containers/containersLeft.ts";
import { askDaemon } from "../containers/daemonApi.ts";
import { type ContainerDaemon, daemonNames } from "../containers/daemons.ts";
import { imageTar, loadImage } from "../containers/images.ts";
import { titleOf } from "../programs.ts";
import { until } from "../until.ts";
import { type RunSketch, Workplace } from "./workplace.ts";

const obstacle = containerObstacle();
const image = "races/programs:1";
const noSecrets: LaunchSecrets = { environment: {} };

/** Container engines of its own, because it kills them. */
describe.skipIf(obstacle).each(daemonNames)(titleOf("containers of %s, which dies", obstacle), (name) => {
  const bed = new ContainerBed();
  let daemon: ContainerDaemon;
  let workplace: Workplace;
  let engine: ContainerEngine;

  beforeAll(async () => {
    daemon = await bed.daemon(name);
    await loadImage(daemon.socket, image, await imageTar());
  });

  afterAll(() => bed.close());

  beforeEach(async () => {
    workplace = await Workplace.make((folder) => ({ container: { image }, scratchRoots: [folder] }));
    engine = makeEngine();
  });

  afterEach(async () => {
    await engine.close();
    const left = [...workplace.processes(), ...(await containersLeft(daemon.socket, workplace.runIds))];
    await workplace.remove();
    expect(left).toEqual([]);
  });

  function makeEngine(): ContainerEngine {
    const { runs: runsFolder } = workplace;
    const containerEngine = daemon.address;
    return new ContainerEngine({ runsFolder, serviceId: "races", containerEngine, gracePeriodInMs: 1000 });
  }

  async function start(sketch: string | RunSketch): Promise<RunHandle> {
    const plan = workplace.plan(sketch);
    await engine.reserve(plan);
    const handle = engine.handleFor(plan);
    await engine.start(plan, noSecrets, handle);
    return handle;
  }

  async function containerIds({ runId }: RunHandle): Promise<string[]> {
    const filters = encodeURIComponent(JSON.stringify({ label: [`batchai.run=${String(runId)}`] }));
    const body = await askDaemon(daemon.socket, "GET", `/containers/json?all=1&filters=${filters}`);
    return (JSON.parse(body) as { Id: string }[]).map(({ Id }) => Id);
  }

  const hasExit = (handle: RunHandle): boolean => {
    return existsSync(join(workplace.runs, String(handle.runId), "exit.json"));
  };

  it("follows its runs when the engine is back", async () => {
    const handle = await start(`${workplace.gate("go")}; exit 5`);
    await daemon.kill();
    await daemon.start();
    await workplace.open("go");
    expect(await engine.wait(handle)).toMatchObject({ kind: "exited", exitCode: 5 });
  });

  it("knows the end of a run that ended while the engine was dead", async () => {
    const handle = await start(`${workplace.gate("go")}; exit 6`);
    await daemon.kill();
    await workplace.open("go");
    await until("it has ended", () => hasExit(handle));
    await daemon.start();
    expect(await engine.wait(handle)).toMatchObject({ kind: "exited", exitCode: 6 });
  });

  it("starts a run once although the engine dies meanwhile", async () => {
    const plan = workplace.plan('echo attempt >> "$WORKPLACE/attempts"; cat "$WORKPLACE/attempts"');
    await engine.reserve(plan);
    const handle = engine.handleFor(plan);
    const starting = engine.start(plan, noSecrets, handle);
    await daemon.kill();
    await daemon.start();
    await starting;
    expect(await engine.wait(handle)).toMatchObject({ kind: "exited", exitCode: 0 });
    expect(await workplace.read(plan, "stdout-proc0.txt")).toBe("attempt\n");
  });

  it("starts runs once although the engine dies while it starts them", async () => {
    const note = 'echo attempt >> "$WORKPLACE/attempts-$BATCHAI_RUN_ID"';
    const starts = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const plan = workplace.plan(note);
        await engine.reserve(plan);
        return { plan, handle: engine.handleFor(plan) };
      }),
    );
    const starting = starts.map(({ plan, handle }) => engine.start(plan, noSecrets, handle));
    await until("a container is there", async () => (await containersLeft(daemon.socket, workplace.runIds)).length > 0);
    await daemon.kill();
    await daemon.start();
    await Promise.all(starting);
    const ends = await Promise.all(starts.map(({ handle }) => engine.wait(handle)));
    expect(ends).toEqual(starts.map(() => ({ kind: "exited", phase: "processes", exitCode: 0 })));
    for (const { plan } of starts) {
      expect(await readFile(join(workplace.folder, `attempts-${plan.runId}`), "utf8")).toBe("attempt\n");
    }
  });

  it("follows and removes containers that somebody has renamed", async () => {
    const [ending, stopped] = [await start(`${workplace.gate("go")}; exit 7`), await start("sleep 600")];
    for (const { runId } of [ending, stopped]) {
      await askDaemon(daemon.socket, "POST", `/containers/batchai-${String(runId)}/rename?name=mine-${String(runId)}`);
    }
    await engine.close();
    engine = makeEngine();
    expect(await engine.recover(ending)).toMatchObject({ kind: "running" });
    await engine.stop(stopped);
    expect(await engine.wait(stopped)).toEqual({ kind: "stopped" });
    await workplace.open("go");
    expect(await engine.wait(ending)).toMatchObject({ kind: "exited", exitCode: 7 });
  });

  it.skipIf(name === "docker")(
    "removes containers that podman lists no more, because it was killed meanwhile",
    async () => {
      await engine.probe();
      const handle = await start(workplace.gate("end"));
      const other = await start(workplace.gate("go"));
      const [half] = await containerIds(handle);
      await daemon.kill();
      const file = join(daemon.folder, "data/overlay-containers/containers.json");
      const stored = JSON.parse(await readFile(file, "utf8")) as { id: string }[];
      await writeFile(file, JSON.stringify(stored.filter(({ id }) => id !== half)));
      await workplace.open("end");
      await until("it has ended", () => hasExit(handle));
      await daemon.start();
      await expect(containerIds(handle)).rejects.toThrow(/container not known/);
      expect(await engine.wait(handle)).toMatchObject({ kind: "exited", exitCode: 0 });
      await engine.cleanUp(handle);
      const isGone = (): Promise<boolean> =>
        containerIds(handle)
          .then((ids) => ids.length === 0)
          .catch(() => false);
      await until("it is removed", isGone);
      await workplace.open("go");
      expect(await engine.wait(other)).toMatchObject({ kind: "exited", exitCode: 0 });
    },
  );

  it("tells killed, removed and memory apart", async () => {
    const [killed, removed] = await Promise.all([start("sleep 600"), start("sleep 600")]);
    await askDaemon(daemon.socket, "POST", `/containers/batchai-${String(killed.runId)}/kill`);
    await askDaemon(daemon.socket, "DELETE", `/containers/batchai-${String(removed.runId)}?force=1`);
    const code = "RunLost";
    const message = (pattern: RegExp): string => expect.stringMatching(pattern) as string;
    expect(await engine.wait(killed)).toMatchObject({ code, message: message(/exit code 137/) });
    expect(await engine.wait(removed)).toMatchObject({ code, message: message(/removed from outside/) });
    const limits = { memoryInBytes: 40 * 1024 * 1024 };
    const greedy = await start({ commands: ["x=a; while :; do x=$x$x; done"], plan: { limits } });
    const end = await engine.wait(greedy);
    expect(end).toMatchObject({ kind: "exited", exitCode: 137 });
    // podman does not say so on machines with control groups of version 1.
    if (name === "docker") expect(end).toMatchObject({ outOfMemory: { limitInBytes: limits.memoryInBytes } });
  });
});
