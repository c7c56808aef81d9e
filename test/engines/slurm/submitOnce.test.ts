import { beforeEach, describe, expect, it } from "vitest";
import { SlurmQueue } from "../../../src/service/engines/slurm/slurmQueue.ts";
import { findSubmitted, type OnceParts, submitOnce } from "../../../src/service/engines/slurm/submitOnce.ts";
import { silentLogger } from "../../../src/service/logger.ts";
import { until } from "../../until.ts";
import { lineOf, Stubs, submissionOf } from "./stubs.ts";

const { name } = submissionOf();

describe("submitting once", () => {
  let stubs: Stubs;

  beforeEach(() => {
    stubs = new Stubs();
    stubs.behave("scontrol", "echo 'MinJobAge = 300 sec'");
    stubs.behave("squeue", `cat ${stubs.folder}/queue 2> /dev/null || true`);
  });

  function partsOf(changes: Partial<OnceParts> = {}): OnceParts & { readonly queue: SlurmQueue } {
    const commands = stubs.commands({ limitInMs: 1000 });
    const { closing } = stubs;
    const queue = new SlurmQueue({ commands, closing, logger: silentLogger });
    return { commands, isClaimed: () => false, abortSignal: closing, periodInMs: 200, ...changes, queue };
  }

  const accept = (): string => `echo '${lineOf(name)}' >> ${stubs.folder}/queue`;

  it("returns the ID, and the queue watches the job", async () => {
    stubs.behave("sbatch", `${accept()}; echo 7`);
    const parts = partsOf();
    expect(await submitOnce(parts, submissionOf())).toBe("7");
    await parts.queue.lookNow();
    expect(parts.queue.statusOf(name)).toMatchObject({ kind: "seen" });
  });

  it.each([
    ["an error", "echo 'sbatch: error: Batch job submission failed: Socket timed out' >&2; exit 1"],
    ["silence", "sleep 1000"],
    ["garbage", "echo Thanks"],
    ["a crash", "kill -SEGV $$"],
    ["what looks like a refusal", "echo 'sbatch: error: Batch job submission failed: Invalid qos' >&2; exit 1"],
  ])("finds the job that Slurm accepted with %s", async (_, end) => {
    stubs.behave("sbatch", `${accept()}; ${end}`);
    expect(await submitOnce(partsOf(), submissionOf())).toBe("7");
    expect(stubs.calls("sbatch")).toHaveLength(1);
  });

  it("finds the job that Slurm lists only later", async () => {
    stubs.behave("sbatch", "exit 1");
    stubs.behave(
      "squeue",
      `(( $(tr -cd '\\0' < ${stubs.folder}/squeue.calls | wc -c) < 20 )) || echo '${lineOf(name)}'`,
    );
    expect(await submitOnce(partsOf(), submissionOf())).toBe("7");
    expect(stubs.calls("squeue")).toHaveLength(3);
  });

  it("believes the claim, although Slurm does not list the job", async () => {
    stubs.behave("sbatch", "exit 1");
    expect(await submitOnce(partsOf({ isClaimed: () => true }), submissionOf())).toBeUndefined();
  });

  it("reports a shortage only after three looks that listed everything", async () => {
    stubs.behave("sbatch", "echo 'sbatch: error: Batch job submission failed: Socket timed out' >&2; exit 1");
    const began = performance.now();
    await expect(submitOnce(partsOf(), submissionOf())).rejects.toMatchObject({
      code: "Shortage",
      message:
        "sbatch ended with exit code 1 and printed: sbatch: error: Batch job submission failed: Socket timed out.",
    });
    expect(performance.now() - began).toBeGreaterThanOrEqual(200);
    expect(stubs.calls("sbatch")).toHaveLength(1);
    expect(stubs.calls("squeue").length).toBeGreaterThanOrEqual(3);
  });

  it("goes on looking while Slurm does not respond", async () => {
    stubs.behave("sbatch", "exit 1");
    stubs.behave("squeue", "exit 1");
    const submitting = submitOnce(partsOf(), submissionOf());
    await until("many looks have failed", () => stubs.calls("squeue").length > 5);
    stubs.behave("squeue", `echo '${lineOf(name)}'`);
    expect(await submitting).toBe("7");
    expect(stubs.calls("sbatch")).toHaveLength(1);
  });

  it("reports a refusal in Slurm's words after one look", async () => {
    stubs.behave("sbatch", "echo 'sbatch: error: Batch job submission failed: Invalid qos specification' >&2; exit 1");
    await expect(submitOnce(partsOf({ periodInMs: 100_000 }), submissionOf())).rejects.toMatchObject({
      code: "FailedStartingProcess",
      message:
        "Slurm refuses the job: Batch job submission failed: Invalid qos specification. Correct what the node type of " +
        "the cluster asks for, or ask the administrator of Slurm.",
    });
    expect(stubs.calls("squeue")).toHaveLength(1);
  });

  it("reports a value that is not valid without calling Slurm", async () => {
    const allocation = { gpusPerNode: 0, partition: "a b" };
    stubs.behave("sbatch", "echo 7");
    await expect(submitOnce(partsOf(), submissionOf({ allocation }))).rejects.toHaveProperty(
      "code",
      "FailedStartingProcess",
    );
    expect(stubs.calls("sbatch")).toEqual([]);
  });

  it("ends with a stop of the run", async () => {
    const stop = new AbortController();
    stubs.behave("squeue", "exit 1");
    const search = findSubmitted(name, partsOf({ abortSignal: stop.signal }));
    search.catch(() => undefined);
    await until("it looks", () => stubs.calls("squeue").length > 0);
    stop.abort();
    await expect(search).rejects.toHaveProperty("name", "AbortError");
  });
});
