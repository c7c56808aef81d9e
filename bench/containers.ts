// Measures jobs in containers, compared with `docker run` of the same image: `npm run bench:containers`. It needs root,
// Docker and podman. README.md explains the numbers.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs, promisify } from "node:util";
import { BatchAIService } from "../src/service/index.ts";
import { ContainerBed } from "../test/containers/containerBed.ts";
import { containersLeft } from "../test/containers/containersLeft.ts";
import { type ContainerDaemon, daemonNames } from "../test/containers/daemons.ts";
import { imageTar, loadImage } from "../test/containers/images.ts";
import { CountingSocket } from "./containers/countingSocket.ts";
import { Caller, shareName } from "./jobs/caller.ts";
import { median } from "./median.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    running: { type: "string", default: "100" },
    only: { type: "string", default: daemonNames.join(",") },
  },
});
const image = "bench/programs:1";
const ms = (time: number): string => `${time.toFixed(0)} ms`;

/** Milliseconds of `docker run` from its start to its end. */
async function dockerRun(daemon: ContainerDaemon): Promise<number> {
  const began = performance.now();
  const args = ["run", "--rm", "--network", "host", image, "bash", "-c", "true"];
  await promisify(execFile)("docker", args, { env: { ...process.env, DOCKER_HOST: daemon.address } });
  return performance.now() - began;
}

/** Milliseconds from the request that creates a job to the response that shows its end. */
async function job(caller: Caller, name: string): Promise<number> {
  const began = performance.now();
  await caller.createJob(name, "true", { image });
  await caller.untilEnded(name);
  return performance.now() - began;
}

/** Requests to the container engine in each two seconds while many containers run. */
async function callsOfRunning(
  caller: Caller,
  { socket, daemon }: { readonly socket: CountingSocket; readonly daemon: ContainerDaemon },
): Promise<Record<string, string>> {
  const count = Number(options.running);
  const names = Array.from({ length: count }, (_, index) => `running${index}`);
  for (const name of names) await caller.createJob(name, "sleep 3600", { image });
  while ((await containersLeft(daemon.socket)).filter((text) => text.endsWith("running")).length < count)
    await delay(500);
  // All starts are complete, and their requests too.
  await delay(5000);
  socket.reset();
  const seconds = 20;
  await delay(seconds * 1000);
  const counts = socket.counts;
  const all = Object.values(counts).reduce((sum, each) => sum + each, 0);
  await caller.send("DELETE", "/clusters/nodes");
  while ((await caller.send("GET", "/clusters")).includes('"nodes"')) await delay(200);
  return {
    [`requests in 2 s with ${count} containers`]: ((all * 2) / seconds).toFixed(2),
    "kinds of these requests": Object.keys(counts).join(", "),
  };
}

async function measure(daemon: ContainerDaemon): Promise<Record<string, string>> {
  await loadImage(daemon.socket, image, await imageTar());
  const folder = await mkdtemp(join(tmpdir(), "batchai-bench-"));
  const socket = await CountingSocket.open(join(folder, "engine.sock"), daemon.socket);
  const dataDir = join(folder, "data");
  const service = await BatchAIService.start({ dataDir, containerEngine: socket.address });
  await mkdir(join(dataDir, "files", service.connection.storage.accountName, shareName), { recursive: true });
  const caller = new Caller(service.connection);
  await caller.prepare({ nodes: Number(options.running) });
  const runs: number[] = [];
  const jobs: number[] = [];
  await dockerRun(daemon);
  await job(caller, "warm-up");
  for (let round = 0; round < Number(options.rounds); round++) {
    runs.push(await dockerRun(daemon));
    jobs.push(await job(caller, `round${round}`));
  }
  const rows = {
    "docker run, median": ms(median(runs)),
    "job, from PUT to its end, median": ms(median(jobs)),
    "the job adds": ms(median(jobs) - median(runs)),
    ...(await callsOfRunning(caller, { socket, daemon })),
  };
  caller.close();
  await service.close();
  await socket.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  return rows;
}

const bed = new ContainerBed();
try {
  for (const name of daemonNames.filter((each) => options.only.split(",").includes(each))) {
    console.log(`\n## ${name}\n`);
    for (const [row, value] of Object.entries(await measure(await bed.daemon(name)))) {
      console.log(`| ${row} | ${value} |`);
    }
  }
} finally {
  await bed.close();
}
