// Measures pages of output files in small and large directories, and how long other requests wait meanwhile:
// `node bench/outputFiles.ts`. README.md explains the numbers.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ShareServiceClient, StorageSharedKeyCredential } from "@azure/storage-file-share";
import type { ServiceConnection } from "../src/service/index.ts";
import { ArmCaller } from "../test/service/arm.ts";
import { ServiceProcess } from "../test/service/serviceProcess.ts";
import { until } from "../test/until.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sizes: { type: "string", default: "2000,100000" },
    rounds: { type: "string", default: "9" },
  },
});

/** Times of requests, in milliseconds. */
type Times = number[];

/** Time between two requests in milliseconds. They do not wait for each other, so that all see a service that waits. */
const interval = 5;

/** Sends `GET` of a job at a fixed rate until the parent disconnects, and reports the times of the responses. */
async function sendGets(connection: ServiceConnection): Promise<void> {
  const arm = new ArmCaller(connection);
  let times: Times = [];
  process.on("message", (message) => {
    if (message === "report") process.send?.(times);
    times = [];
  });
  process.once("disconnect", () => process.exit());
  process.send?.("ready");
  for (let due = performance.now(); ; due += interval) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    // Counted from the time at which it was due.
    const start = due;
    void arm.expect("GET", arm.jobPath("job")).then(() => times.push(performance.now() - start));
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Reads one page of 1,000. Returns the link to the next. */
async function readPage(arm: ArmCaller, size: number, link?: string): Promise<string | undefined> {
  const query = `api-version=2018-05-01&outputdirectoryid=OUT&directory=${size}`;
  const path = link ?? `${arm.jobPath("job")}/listOutputFiles`;
  const answer = await arm.send("POST", path, undefined, link === undefined ? { query } : { query: "" });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body.nextLink as string | undefined;
}

function percentile(times: Times, share: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor((times.length - 1) * share)] ?? Number.NaN;
}

function describe(times: Times): string {
  const [middle, high, most] = [0.5, 0.99, 1].map((share) => percentile(times, share).toFixed(1));
  return `p50 ${middle}, p99 ${high}, max ${most} ms of ${times.length}`;
}

async function measure(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "batchai-bench-"));
  const service = await ServiceProcess.start(folder, ["--log-level", "warn"]);
  try {
    const arm = new ArmCaller(service.connection);
    const { accountName, accountKey, fileEndpoint } = service.connection.storage;
    const shares = new ShareServiceClient(fileEndpoint, new StorageSharedKeyCredential(accountName, accountKey));
    await shares.getShareClient("data").create();
    await arm.prepare();
    const mounted = {
      accountName,
      azureFileUrl: `https://${accountName}.file.core.windows.net/data`,
      credentials: { accountKey },
      relativeMountPath: "data",
    };
    const properties = {
      mountVolumes: { azureFileShares: [mounted] },
      outputDirectories: [{ id: "OUT", pathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/data", pathSuffix: "out" }],
    };
    await arm.expect(
      "PUT",
      arm.jobPath("job"),
      arm.jobBody("pwd > $AZ_BATCHAI_OUTPUT_OUT/here; mkdir -p $AZ_BATCHAI_OUTPUT_OUT", properties),
    );
    await until("the job has ended", async () =>
      /succeeded|failed/.test(String((await arm.job("job")).executionState)),
    );
    const { jobOutputDirectoryPathSegment } = await arm.job("job");
    const share = join(folder, "files", accountName, "data");
    const out = join(share, String(jobOutputDirectoryPathSegment), "outputs", "out");
    console.log(
      `Node.js ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model ?? ""}, load ${loadavg()[0]?.toFixed(1)}`,
    );
    const getter = fork(import.meta.filename, ["gets", JSON.stringify(service.connection)]);
    await once(getter, "message");
    const getsSoFar = async (): Promise<Times> => {
      getter.send("report");
      return ((await once(getter, "message")) as [Times])[0];
    };
    for (const size of options.sizes.split(",").map(Number)) {
      const target = join(out, String(size));
      await mkdir(target, { recursive: true });
      for (let index = 0; index < size; index++) {
        // In no order, as the file system returns them.
        const name = `epoch-${String((index * 7919) % size).padStart(7, "0")}.ckpt`;
        await writeFile(join(target, name), "x");
      }
      const firsts: Times = [];
      const colds: Times = [];
      const later: Times = [];
      await getsSoFar();
      for (let round = 0; round < Number(options.rounds); round++) {
        await writeFile(join(target, "new"), "x");
        await rm(join(target, "new"));
        colds.push(await timed(() => readPage(arm, size)));
      }
      const withColds = await getsSoFar();
      await new Promise((resolve) => setTimeout(resolve, 200));
      await readPage(arm, size);
      for (let round = 0; round < Number(options.rounds); round++) firsts.push(await timed(() => readPage(arm, size)));
      await getsSoFar();
      let walk = 0;
      for (let link = await readPage(arm, size); link !== undefined;) {
        const current: string = link;
        const time = await timed(async () => (link = await readPage(arm, size, current)));
        later.push(time);
        walk += time;
      }
      const withLater = await getsSoFar();
      console.log({
        size,
        "first page after a change": describe(colds),
        "first page again": describe(firsts),
        "later pages": describe(later),
        "all later pages": walk.toFixed(0),
        "GET meanwhile, first": describe(withColds),
        "GET meanwhile, later": describe(withLater),
      });
    }
    getter.disconnect();
  } finally {
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

if (positionals[0] === "gets") await sendGets(JSON.parse(positionals[1] ?? "") as ServiceConnection);
else await measure();
