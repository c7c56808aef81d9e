import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { clockLibrary } from "../stage.ts";
import type { Disturbance } from "./disturbance.ts";

const jumpsInSeconds = [-86_400, -3600, -600, 600, 3600, 86_400];

/** Lets the wall clock of the running service jump forward and backward. The clock of the machine never changes. */
export const clockJumps: Disturbance = {
  name: "clock jumps",
  obstacle: () => (clockLibrary() === undefined ? "libfaketime is not installed" : undefined),
  async apply({ subject, stage, report }, random) {
    const offsetFile = join(stage.folder, "clock-offset");
    const jump = (seconds: number): void => {
      writeFileSync(offsetFile, `${seconds < 0 ? "" : "+"}${seconds}\n`);
      report.count("clock jumps");
    };
    jump(0);
    await subject.stop();
    subject.environment = {
      LD_PRELOAD: clockLibrary() ?? "",
      FAKETIME_TIMESTAMP_FILE: offsetFile,
      // Not at every look: that needs a descriptor each time.
      FAKETIME_CACHE_DURATION: "1",
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    };
    await subject.tryStart();
    await delay(random.between(500, 1500));
    for (let left = random.between(1, 3); left > 0; left--) {
      jump(random.pick(jumpsInSeconds));
      await delay(random.between(1200, 2500));
    }
    return async () => {
      jump(0);
      subject.environment = {};
      if (!random.chance(0.5)) return;
      await subject.stop();
      await subject.tryStart();
    };
  },
};
