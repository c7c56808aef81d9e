import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type SlurmListing, readListing } from "../../../src/service/engines/slurm/slurmJob.ts";
import { SlurmQueue, type SlurmQueueOptions } from "../../../src/service/engines/slurm/slurmQueue.ts";
import { silentLogger } from "../../../src/service/logger.ts";
import { until } from "../../until.ts";
import { lineOf } from "./stubs.ts";

/** A queue whose looks find what a test says. */
class Bench {
  /** Lines of the next looks. */
  lines: string[] = [];
  /** Times of the looks, in milliseconds. */
  readonly looks: number[] = [];
  readonly warnings: unknown[] = [];
  readonly queue: SlurmQueue;
  asked = 0;
  readonly #made = performance.now();
  /** Replaces the next looks. */
  look: (() => Promise<SlurmListing>) | undefined;

  constructor(options: Partial<SlurmQueueOptions> & { readonly minJobAgeInMs?: number } = {}) {
    const closing = new AbortController();
    onTestFinished(() => {
      closing.abort();
    });
    const { minJobAgeInMs, ...others } = options;
    const commands = {
      list: () => {
        this.looks.push(performance.now());
        return this.look?.() ?? Promise.resolve(readListing(this.lines.map((line) => `${line}\n`).join("")));
      },
      minJobAgeInMs: () => {
        this.asked++;
        return Promise.resolve(minJobAgeInMs);
      },
    };
    const logger = { ...silentLogger, warn: (details: unknown) => this.warnings.push(details) };
    this.queue = new SlurmQueue({ commands, closing: closing.signal, logger, intervalInMs: 10, ...others });
  }

  /** Returns the times between the looks, from the making of this bench on. */
  pauses(): number[] {
    return this.looks.map((time, index) => time - (this.looks[index - 1] ?? this.#made));
  }
}

/** A look that finds nothing, and ends only when the test says so. */
class HeldLook {
  release: () => void = () => undefined;
  readonly listing = new Promise<SlurmListing>((resolve) => {
    this.release = () => {
      resolve({ jobs: [] });
    };
  });
}

/** Time passes only when the test says so. */
function useFakeTime(): void {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

describe("the queue of Slurm", () => {
  it("is looked at once for all names", async () => {
    const bench = new Bench({ longestIntervalInMs: 10 });
    const names = Array.from({ length: 1000 }, (_, index) => `batchai-s1-r${String(index)}`);
    bench.lines = names.map((name) => lineOf(name));
    let told = 0;
    bench.queue.onLook(() => told++);
    for (const name of names) bench.queue.watch(name);
    await until("a few looks", () => told >= 3);
    expect(bench.looks.length - told).toBeLessThanOrEqual(1);
    expect(names.every((name) => bench.queue.statusOf(name).kind === "seen")).toBe(true);
    expect(bench.asked).toBe(1);
  });

  it("is not looked at while nothing is watched", async () => {
    const bench = new Bench({ longestIntervalInMs: 10 });
    await delay(50);
    expect(bench.looks).toEqual([]);
    bench.queue.watch("batchai-s1-r1");
    await until("a look", () => bench.looks.length > 0);
    bench.queue.forget("batchai-s1-r1");
    await delay(20);
    const count = bench.looks.length;
    await delay(50);
    expect(bench.looks).toHaveLength(count);
    expect(bench.queue.statusOf("batchai-s1-r1")).toEqual({ kind: "unknown" });
  });

  it("is looked at although new names come all the time", async () => {
    const bench = new Bench({ intervalInMs: 50 });
    for (let number = 0; bench.looks.length < 2; number++) {
      bench.queue.watch(`batchai-s1-r${String(number)}`);
      await delay(5);
      expect(number).toBeLessThan(1000);
    }
  });

  it("tells for how long a name is absent", async () => {
    const bench = new Bench({ intervalInMs: 100_000 });
    bench.queue.watch("batchai-s1-r1");
    expect(bench.queue.statusOf("batchai-s1-r1")).toEqual({ kind: "unknown" });
    await bench.queue.lookNow();
    expect(bench.queue.statusOf("batchai-s1-r1")).toMatchObject({ kind: "absent", looks: 1 });
    await delay(30);
    await bench.queue.lookNow();
    const status = bench.queue.statusOf("batchai-s1-r1");
    expect(status).toMatchObject({ kind: "absent", looks: 2 });
    expect(status.kind === "absent" && status.sinceInMs).toBeGreaterThanOrEqual(29);
    bench.lines = [lineOf("batchai-s1-r1", "RUNNING")];
    await bench.queue.lookNow();
    expect(bench.queue.statusOf("batchai-s1-r1")).toMatchObject({ kind: "seen", job: { state: "RUNNING" } });
    bench.lines = [];
    await bench.queue.lookNow();
    expect(bench.queue.statusOf("batchai-s1-r1")).toMatchObject({ kind: "absent", looks: 1 });
    bench.queue.watch("batchai-s1-r1");
    expect(bench.queue.statusOf("batchai-s1-r1")).toEqual({ kind: "unknown" });
  });

  it("does not call a name absent because of a look that began before it was watched", async () => {
    const bench = new Bench({ intervalInMs: 100_000 });
    const early = new HeldLook();
    bench.look = () => early.listing;
    const looking = bench.queue.lookNow();
    bench.queue.watch("batchai-s1-r1");
    early.release();
    await looking;
    expect(bench.queue.statusOf("batchai-s1-r1")).toEqual({ kind: "unknown" });
  });

  it("never calls a name absent because of a look that failed or cannot be read", async () => {
    const bench = new Bench({ intervalInMs: 100_000 });
    for (const name of ["batchai-s1-r1", "batchai-s1-r2"]) bench.queue.watch(name);
    bench.lines = [lineOf("batchai-s1-r2")];
    await bench.queue.lookNow();
    for (const look of [
      () => Promise.reject(new Error("squeue did not end in time and was killed.")),
      () => Promise.resolve(readListing("Welcome!\n")),
      () => Promise.resolve(readListing(lineOf("batchai-s1-r1").slice(0, -1))),
    ]) {
      bench.look = look;
      await bench.queue.lookNow();
      expect(bench.queue.problem).toBeDefined();
    }
    expect(bench.queue.statusOf("batchai-s1-r1")).toMatchObject({ kind: "absent", looks: 1 });
    expect(bench.queue.statusOf("batchai-s1-r2")).toMatchObject({ kind: "seen" });
    bench.look = () => Promise.resolve(readListing(`Welcome!\n${lineOf("batchai-s1-r1")}\n`));
    await bench.queue.lookNow();
    expect(bench.queue.statusOf("batchai-s1-r1")).toMatchObject({ kind: "seen" });
    expect(bench.queue.problem).toBe("squeue printed lines that it should not: Welcome!.");
    bench.look = undefined;
    await bench.queue.lookNow();
    expect(bench.queue.problem).toBeUndefined();
    expect(bench.warnings).toHaveLength(4); // The same problem twice, with another one in between.
  });

  it("prefers a job that has not ended, and then the last one", async () => {
    const bench = new Bench({ intervalInMs: 100_000 });
    bench.queue.watch("batchai-s1-r1");
    const name = "batchai-s1-r1";
    bench.lines = [lineOf(name, "FAILED", "None", "1"), lineOf(name, "PENDING", "None", "2")];
    for (const lines of [bench.lines, bench.lines.toReversed()]) {
      bench.lines = lines;
      await bench.queue.lookNow();
      expect(bench.queue.statusOf(name)).toMatchObject({ kind: "seen", job: { id: "2" } });
    }
    const old = `1|FAILED|None|N/A||2026-11-28T18:15:01|${name}`;
    bench.lines = [lineOf(name, "COMPLETED", "None", "2"), old];
    await bench.queue.lookNow();
    expect(bench.queue.statusOf(name)).toMatchObject({ kind: "seen", job: { id: "2" } });
  });

  it("is looked at less often while nothing changes, and often after a change or with a new name", async () => {
    useFakeTime();
    const bench = new Bench({ longestIntervalInMs: 50 });
    bench.lines = [lineOf("batchai-s1-r1")];
    bench.queue.watch("batchai-s1-r1");
    await vi.advanceTimersByTimeAsync(200);
    expect(bench.pauses()).toEqual([10, 10, 20, 40, 50, 50]);
    bench.lines = [lineOf("batchai-s1-r1", "RUNNING")];
    await vi.advanceTimersByTimeAsync(50);
    expect(bench.pauses()).toEqual([10, 10, 20, 40, 50, 50, 50, 10]);
    await vi.advanceTimersByTimeAsync(175); // 20, 40, 50 and 50, and 25 of the next 50
    bench.queue.watch("batchai-s1-r2");
    await vi.advanceTimersByTimeAsync(10);
    expect(bench.pauses().slice(8)).toEqual([20, 40, 50, 50, 35]);
  });

  it("is looked at less often while looks fail", async () => {
    useFakeTime();
    const bench = new Bench({ longestIntervalInMs: 50 });
    bench.look = () => Promise.reject(new Error("no"));
    bench.queue.watch("batchai-s1-r1");
    await vi.advanceTimersByTimeAsync(200);
    expect(bench.pauses()).toEqual([10, 20, 40, 50, 50]);
    expect(bench.warnings).toEqual([{ problem: "no" }]);
  });

  it("is looked at twice in the time for which Slurm lists a job that has ended", async () => {
    useFakeTime();
    const bench = new Bench({ longestIntervalInMs: 100_000, minJobAgeInMs: 50 });
    bench.queue.watch("batchai-s1-r1");
    await vi.advanceTimersByTimeAsync(120);
    expect(bench.pauses()).toEqual([10, 20, 25, 25, 25]);
  });

  it("shares a look between callers, but never one that has already begun", async () => {
    const bench = new Bench({ intervalInMs: 100_000 });
    const first = new HeldLook();
    bench.look = () => first.listing;
    const looking = bench.queue.lookNow();
    bench.look = undefined;
    const others = Promise.all(Array.from({ length: 100 }, () => bench.queue.lookNow()));
    expect(bench.looks).toHaveLength(1);
    first.release();
    await looking;
    await others;
    expect(bench.looks).toHaveLength(2);
  });
});
