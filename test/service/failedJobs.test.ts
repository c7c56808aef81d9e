import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BatchAIManagementClient, JobFailedError } from "../../src/index.ts";
import type { LaunchPlan, LaunchProcess, RunEnd, RunHandle, WaitOptions } from "../../src/service/engines/engine.ts";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { WrappedEngine } from "../engines/wrappedEngine.ts";
import { EmbeddedService } from "./embeddedService.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";
import { ServiceWithEngines } from "./serviceWithEngines.ts";
import { ArmCaller } from "./arm.ts";
import { until } from "../until.ts";

let embedded: EmbeddedService;
const onShare = { stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs" };

beforeAll(async () => {
  embedded = await EmbeddedService.start({ gracePeriodInMs: 500, containerEngine: "none" });
  const mount = await embedded.share("logs");
  await embedded.arm.prepare(3, { nodeSetup: { mountVolumes: { azureFileShares: [mount] } } });
  await embedded.counts({ idleNodeCount: 3 });
});

afterAll(async () => {
  await embedded.close();
});

type Details = Readonly<Record<string, string>>;

/** Details of the only error of a job. */
function detailsOf(job: Record<string, unknown>): Details {
  const { errors } = job.executionInfo as { errors: { details?: { name: string; value: string }[] }[] };
  expect(errors).toHaveLength(1);
  return Object.fromEntries((errors[0]?.details ?? []).map(({ name, value }) => [name, value]));
}

async function detailsOfRun(name: string, commandLine: string, properties = {}): Promise<Details> {
  return detailsOf(await embedded.run(name, commandLine, { ...onShare, ...properties }));
}

describe("the error of a failed job", () => {
  it("has the last lines of standard error", async () => {
    const command = "seq 30 | sed 's/^/line /' >&2; echo out; exit 3";
    const lines = Array.from({ length: 20 }, (_, index) => `line ${String(index + 11)}`).join("\n");
    expect(await detailsOfRun("lines", command)).toEqual({ StdErr: "stderr.txt", LastLines: lines });
    expect(await detailsOfRun("silent", "exit 3")).toEqual({ StdErr: "stderr.txt" });
  });

  it("keeps them short, and cuts no character", async () => {
    const { LastLines = "" } = await detailsOfRun("long", "printf 'é%.0s' $(seq 20000) >&2; exit 3");
    expect(Buffer.byteLength(LastLines)).toBeLessThanOrEqual(4096);
    expect(LastLines).toMatch(/^é{2000,}$/);
  });

  it("leaves out control characters, what a progress bar has overwritten, and bytes that are no text", async () => {
    const command = String.raw`printf '\e[31mred\e[0m\a\n 10%%\r 50%%\r100%%\r\n\tindented\r\n\xff\xfe|\0|\n' >&2; exit 3`;
    expect((await detailsOfRun("odd", command)).LastLines).toBe("red\n100%\n\tindented\n\ufffd\ufffd||");
  });

  it.each([
    ["126", "touch file; ./file", /chmod \+x/],
    ["127", "no-such-command-anywhere", /did not find a command/],
    ["137", "kill -KILL $$", /memory/],
    ["139", "kill -SEGV $$", /SIGSEGV/],
    ["134", "kill -ABRT $$", /SIGABRT/],
  ])("says what exit code %s means", async (exitCode, command, hint) => {
    const job = await embedded.run(`exit${exitCode}`, command, onShare);
    expect(job).toMatchObject({ executionInfo: { exitCode: Number(exitCode), errors: [{ code: "JobFailed" }] } });
    expect(detailsOf(job).Hint).toMatch(hint);
  });

  it("has no hint for an exit code that only the program knows", async () => {
    for (const exitCode of [1, 125, 128, 200, 255]) {
      expect(await detailsOfRun(`code${String(exitCode)}`, `exit ${String(exitCode)}`)).not.toHaveProperty("Hint");
    }
  });

  it("never has the secrets of the job", async () => {
    const secrets = [
      { name: "TOKEN", value: "swordfish-42" },
      { name: "LONG", value: "0123456789abcdef".repeat(500) },
      { name: "LINES", value: "first line\nsecond line" },
      { name: "TINY", value: "is" },
    ];
    const details = await detailsOfRun("secrets", 'echo "token is $TOKEN, $TOKEN$TOKEN; $LINES" >&2; exit 3', {
      secrets,
    });
    expect(details.LastLines).toBe("token is ***, ***; ***");
    const long = await detailsOfRun("longSecret", 'for n in {1..9}; do printf %s "$LONG" >&2; done; exit 3', {
      secrets,
    });
    expect(long.LastLines).toBe("***");
    const split = await detailsOfRun("split", String.raw`printf 'sword\e[0mfish-42\n' >&2; exit 3`, { secrets });
    expect(split.LastLines).toBe("***");
  });

  it.each([
    ["a link to another file", 'echo outside > "$AZ_BATCHAI_JOB_TEMP/x"; ln -s "$AZ_BATCHAI_JOB_TEMP/x" "$ERR"'],
    ["a pipe", 'mkfifo "$ERR"'],
    ["a folder", 'mkdir "$ERR"'],
    ["nothing", "true"],
  ])("does not need standard error: the job has put %s in its place", async (what, harm) => {
    const command = `ERR="$AZ_BATCHAI_STDOUTERR_DIR/stderr.txt"; rm "$ERR"; ${harm}; exit 3`;
    const job = await embedded.run(`without-${what.replaceAll(" ", "-")}`, command, onShare);
    expect(job).toMatchObject({ executionInfo: { exitCode: 3 } });
    expect(detailsOf(job)).toEqual({ StdErr: "stderr.txt" });
  });

  it("reads no file outside of the job's own, although a job has changed the plan of its run", async () => {
    const outside = join(embedded.folder, "outside");
    const plan = `"${embedded.folder}"/runs/*/plan`;
    const script = `echo private > '${outside}'; for plan in ${plan}; do sed -i 's#[^\\x00]*/stderr.txt#${outside}#' "$plan"; done; exit 3`;
    expect(await detailsOfRun("forger", script)).toEqual({});
  });

  it("names the node whose preparation failed", async () => {
    const jobPreparation = { commandLine: 'mkdir "$AZ_BATCHAI_SHARED_JOB_TEMP/first" || { echo broken >&2; exit 7; }' };
    const job = await embedded.run("prepares", "true", { ...onShare, nodeCount: 2, jobPreparation });
    expect(job).toMatchObject({ executionInfo: { exitCode: 7, errors: [{ code: "JobPreparationFailed" }] } });
    const { NodeId = "", StdErr, LastLines } = detailsOf(job);
    expect(StdErr).toBe(`stderr-job_prep-${NodeId}.txt`);
    expect(LastLines).toMatch(/broken$/);
  });

  it("names the image of a container that cannot run, and all ways out", async () => {
    const containerSettings = { imageSourceRegistry: { image: "ubuntu:18.04" } };
    const job = await embedded.run("contained", "true", { containerSettings });
    expect(detailsOf(job)).toEqual({ imageName: "ubuntu:18.04" });
    const text = JSON.stringify(job);
    expect(text).toContain("FailedStartingContainer");
    expect(text).toMatch(/option ignoreContainerSettings\b/);
    expect(text).toMatch(/flag --ignore-container-settings\b/);
    expect(text).toMatch(/Install Docker or podman .*flag --container-engine .*option containerEngine\b/);
  });

  it("reaches people through JobFailedError", async () => {
    const { endpoint, token, subscriptionId } = embedded.service.connection;
    const credential = { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Infinity }) };
    const client = new BatchAIManagementClient(credential, subscriptionId, { endpoint, allowInsecureConnection: true });
    await embedded.run("people", "echo reason >&2; no-such-command-anywhere", onShare);
    const error: unknown = await client.jobs
      .waitForCompletion("group", "work", "exp", "people")
      .catch((reason: unknown) => reason);
    if (!(error instanceof JobFailedError)) throw error;
    expect(error).toMatchObject({ code: "JobFailed", exitCode: 127 });
    expect(error.message).toMatch(
      /^Job people failed with exit code 127\. JobFailed: Job failed with non-zero exit code \(StdErr: stderr\.txt\)\. The shell did not find a command: [^\n]+\.\nLast lines of stderr\.txt:\nreason\n[^\n]+not found$/,
    );
  });
});

/** Runs four processes instead of one: the command line of each is `case $RANK in ...`. */
class FourRanksEngine extends WrappedEngine {
  override reserve(plan: LaunchPlan): Promise<void> {
    const processes = plan.processes.flatMap((process) => [0, 1, 2, 3].map((rank) => rankOf(plan, process, rank)));
    return super.reserve({ ...plan, processes });
  }
}

function rankOf({ nodes }: LaunchPlan, process: LaunchProcess, rank: number): LaunchProcess {
  return {
    ...process,
    name: `rank ${String(rank)}`,
    nodeId: nodes[rank % nodes.length]?.nodeId ?? "",
    environment: { ...process.environment, RANK: String(rank) },
    stdout: process.stdout.replace(/\.txt$/, `-${String(rank)}.txt`),
    stderr: process.stderr.replace(/\.txt$/, `-${String(rank)}.txt`),
  };
}

describe("the error of a job of several processes", () => {
  it("names the process that failed and its node", async () => {
    await withFolder(async (folder) => {
      const runsFolder = join(folder, "data", "runs");
      const engine = new FourRanksEngine(new ProcessEngine({ runsFolder, gracePeriodInMs: 500 }));
      const service = await ServiceWithEngines.start(join(folder, "data"), [engine]);
      await service.prepare(3);
      const command = "trap '' TERM; (( RANK == 2 )) && { echo crashed >&2; kill -SEGV $$; }; sleep 60; sleep 60";
      await service.create("ranks", command, { nodeCount: 3 });
      const job = await service.ended("ranks");
      expect(job).toMatchObject({ executionState: "failed", executionInfo: { exitCode: 139 } });
      const details = detailsOf(job);
      expect(details).toMatchObject({ Process: "rank 2", StdErr: "stderr-2.txt", LastLines: "crashed" });
      expect(details.NodeId).toMatch(/^tvm-/);
      expect(details.Hint).toMatch(/SIGSEGV/);
      await service.arm.expect("DELETE", service.arm.jobPath("ranks"));
      await service.close();
    });
  });
});

describe("a service that is killed while a job runs", () => {
  it("says after the restart how the job failed, without its secrets", async () => {
    await withFolder(async (folder) => {
      const first = await ServiceProcess.start(join(folder, "data"));
      const arm = new ArmCaller(first.connection);
      await arm.prepare(1);
      const command = `until [ -e '${folder}/go' ]; do sleep 0.02; done; echo "it was $TOKEN" >&2; touch '${folder}/went'; exit 3`;
      const properties = { secrets: [{ name: "TOKEN", value: "swordfish" }] };
      await arm.expect("PUT", arm.jobPath("job"), arm.jobBody(command, properties));
      await until("the job runs", async () => (await arm.job("job")).executionState === "running");
      await first.kill();
      const second = await ServiceProcess.start(join(folder, "data"));
      await writeFile(join(folder, "go"), "");
      const again = new ArmCaller(second.connection);
      await until("the job has ended", async () => (await again.job("job")).executionState === "failed");
      expect(detailsOf(await again.job("job"))).toEqual({ StdErr: "stderr.txt", LastLines: "it was ***" });
      await second.stop();
    });
  });
});

/** Reports that the system killed the run for its memory. */
class MemoryEngine extends WrappedEngine {
  limitInBytes: number | undefined = 3.5 * 1024 ** 3;

  override async wait(handle: RunHandle, options?: WaitOptions): Promise<RunEnd> {
    const end = await super.wait(handle, options);
    return end.kind === "exited" ? { ...end, outOfMemory: { limitInBytes: this.limitInBytes } } : end;
  }
}

describe("a job that was killed for its memory", () => {
  it("says so, with the limit and the exit code", async () => {
    await withFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const engine = new MemoryEngine(new ProcessEngine({ runsFolder: join(dataDir, "runs") }));
      const service = await ServiceWithEngines.start(dataDir, [engine]);
      await service.prepare(1);
      const errorOf = async (name: string): Promise<unknown> => {
        await service.create(name, "echo 'out of memory' >&2; kill -KILL $$");
        const { executionInfo } = await service.ended(name);
        const { errors, exitCode } = executionInfo as { errors: unknown[]; exitCode: number };
        expect(exitCode).toBe(137);
        return errors[0];
      };
      const error = await errorOf("job");
      expect(error).toMatchObject({
        details: expect.not.arrayContaining([expect.objectContaining({ name: "Hint" })]) as unknown,
      });
      expect(error).toEqual({
        code: "OutOfMemory",
        message:
          "The system ended processes of the job because it reached its memory limit of 3.5 GiB. " +
          "Let the job use less memory, or run it on a cluster whose vmSize has more.",
        details: expect.arrayContaining([{ name: "LastLines", value: "out of memory" }]) as unknown,
      });
      engine.limitInBytes = 50 * 1024 ** 2;
      expect(await errorOf("small")).toMatchObject({ message: expect.stringContaining("limit of 50 MiB.") as string });
      engine.limitInBytes = undefined;
      expect(await errorOf("unknown")).toMatchObject({
        message: expect.stringContaining("reached its memory limit. Let") as string,
      });
      await service.create("survivor", "true");
      expect(await service.ended("survivor")).toMatchObject({ executionState: "succeeded" });
      await service.close();
    });
  });

  it("is told apart from a setup task that was killed for its memory", async () => {
    await withFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const engine = new MemoryEngine(new ProcessEngine({ runsFolder: join(dataDir, "runs") }));
      const service = await ServiceWithEngines.start(dataDir, [engine]);
      const setupTask = { commandLine: "kill -KILL $$", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
      await service.arm.prepare(1, { nodeSetup: { setupTask } });
      await service.counts({ unusableNodeCount: 1 });
      const { body } = await service.arm.expect("GET", service.arm.inWorkspace("/clusters/nodes"));
      expect(body.properties?.errors).toMatchObject([
        {
          code: "OutOfMemory",
          message:
            "The system ended processes of the setup task because it reached its memory limit of 3.5 GiB. " +
            "Let the setup task use less memory, or run it on a cluster whose vmSize has more.",
          details: [{ name: "NodeId" }, { name: "ExitCode", value: "137" }],
        },
      ]);
      await service.close();
    });
  });
});
