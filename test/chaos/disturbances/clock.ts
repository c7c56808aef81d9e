import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../../until.ts";
import { limitedJob, limitInSeconds, longLimitJob } from "../jobKinds.ts";
import type { JobRecord } from "../ledger.ts";
import { linesOf } from "../lines.ts";
import { clockLibrary } from "../../clockLibrary.ts";
import type { Disturbance, World } from "./disturbance.ts";

const jumpsInSeconds = [-86_400, -3600, -600, 600, 3600, 86_400];

/** Lets the wall clock of the running service jump forward and backward. The clock of the machine never changes. */
export const clockJumps: Disturbance = {
  name: "clock jumps",
  // The limits of jobs must be kept during the jumps: nothing else may delay them.
  alone: true,
  obstacle: () => (clockLibrary === undefined ? "libfaketime is not installed" : undefined),
  async apply(world, random) {
    const { subject, stage, report } = world;
    const offsetFile = join(stage.folder, "clock-offset");
    const jump = (seconds: number): void => {
      writeFileSync(offsetFile, `${seconds < 0 ? "" : "+"}${seconds}\n`);
      report.count("clock jumps");
    };
    jump(0);
    await subject.stop();
    subject.environment = {
      LD_PRELOAD: clockLibrary ?? "",
      FAKETIME_TIMESTAMP_FILE: offsetFile,
      // Not at every look: that needs a descriptor each time.
      FAKETIME_CACHE_DURATION: "1",
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    };
    await subject.ensureUp();
    const hasLimit = await world.clients.putJob(random, { kind: limitedJob, cluster: "stable", seconds: 1 });
    await world.clients.putJob(random, { kind: longLimitJob, cluster: "stable", seconds: 4 });
    for (let left = random.between(1, 3); left > 0; left--) {
      jump(random.pick(jumpsInSeconds));
      await delay(random.between(1200, 2500));
      if (random.chance(0.5)) await subject.kill();
      await subject.ensureUp();
    }
    await untilLimited(world, hasLimit);
    return async () => {
      jump(0);
      subject.environment = {};
      if (!random.chance(0.5)) return;
      await subject.stop();
      await subject.ensureUp();
    };
  },
};

/** The limit must end the job although the clock has jumped. */
async function untilLimited({ stage, report }: World, record: JobRecord): Promise<void> {
  const isOver = (): boolean => {
    const isStopped = record.terminated !== "no" || record.deleted !== "no";
    return (
      isStopped ||
      linesOf(stage.lines)
        .of(record.name)
        .some(({ what }) => what === "cut")
    );
  };
  await until("the limit ends the job", isOver, limitInSeconds * 1000 + 20_000).catch(() => {
    report.hurt("limits", `${record.name} runs 20 s after its limit, or longer, because the clock has jumped`);
  });
}
