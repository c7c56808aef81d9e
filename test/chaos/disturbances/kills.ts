import { setTimeout as delay } from "node:timers/promises";
import { signal } from "../processes.ts";
import type { Random } from "../random.ts";
import { type Disturbance, nothing, type World } from "./disturbance.ts";

/** Kills the service, and starts it again some time later. */
export const killService: Disturbance = {
  name: "service killed",
  async apply({ subject, report }, random) {
    await subject.kill();
    await delay(random.between(0, 300));
    const failure = await subject.tryStart();
    if (failure !== undefined) report.count("starts that failed during a disturbance");
    return nothing;
  },
};

/** Stops the service as a service manager does, and starts it again. */
export const restartService: Disturbance = {
  name: "service restarted",
  async apply({ subject, report }, random) {
    await subject.stop();
    report.count("clean restarts");
    await delay(random.between(0, 300));
    const failure = await subject.tryStart();
    if (failure !== undefined) report.count("starts that failed during a disturbance");
    return nothing;
  },
};

const killLauncher: Disturbance = {
  name: "launcher killed",
  apply({ subject, report }) {
    const { launcher } = subject;
    if (launcher !== undefined) {
      signal(launcher, "SIGKILL");
      report.count("kills: launcher");
    }
    return nothing;
  },
};

export const killSupervisors: Disturbance = {
  name: "supervisors killed",
  apply(world, random) {
    for (const { pid, job } of chosenSupervisors(world, random)) {
      const record = world.ledger.jobs.get(job);
      if (record) record.supervisorKilled = true;
      signal(pid, "SIGKILL");
      world.report.count("kills: supervisors");
    }
    return nothing;
  },
};

const stopLauncher: Disturbance = {
  name: "launcher stopped by SIGSTOP",
  apply({ subject }) {
    const { launcher } = subject;
    if (launcher === undefined) return nothing;
    signal(launcher, "SIGSTOP");
    return () => signal(launcher, "SIGCONT");
  },
};

const stopSupervisors: Disturbance = {
  name: "supervisors stopped by SIGSTOP",
  apply(world, random) {
    const stopped = chosenSupervisors(world, random);
    for (const { pid } of stopped) signal(pid, "SIGSTOP");
    return () => {
      for (const { pid } of stopped) signal(pid, "SIGCONT");
    };
  },
};

/** Several kills, one shortly after the other. */
const storm: Disturbance = {
  name: "a storm of kills",
  async apply(world, random) {
    for (let left = random.between(4, 10); left > 0; left--) {
      await random.pick([killService, killService, killLauncher, killSupervisors]).apply(world, random);
      await delay(random.between(0, 700));
    }
    return nothing;
  },
};

export const kills: readonly Disturbance[] = [
  killService,
  restartService,
  killLauncher,
  killSupervisors,
  stopLauncher,
  stopSupervisors,
  storm,
];

/** Kills at random, as they may happen during any other disturbance. */
export async function killSometimes(world: World, random: Random): Promise<void> {
  for (let left = random.pick([0, 0, 1, 4, 8]); left > 0; left--) {
    await random.pick([killService, killLauncher, killSupervisors]).apply(world, random);
    await delay(random.between(0, 500));
  }
}

function chosenSupervisors({ stage }: World, random: Random): { pid: number; job: string }[] {
  return stage
    .jobProcesses()
    .filter(({ command, environment }) => command.includes("batchai-supervisor") && environment.has("CHAOS_JOB"))
    .filter(() => random.chance(0.3))
    .map(({ pid, environment }) => ({ pid, job: environment.get("CHAOS_JOB") ?? "" }));
}
