import { setTimeout as delay } from "node:timers/promises";
import { slurmNodeNames } from "../../slurm/slurmConf.ts";
import { until } from "../../until.ts";
import { plainJob } from "../jobKinds.ts";
import type { Random } from "../random.ts";
import type { ListedRun, SlurmSide } from "../slurmSide.ts";
import { type Disturbance, nothing, type World } from "./disturbance.ts";
import { killService, killSupervisors, restartService } from "./kills.ts";

/** Kills the controller, which may forget the last seconds, and starts it again some time later. */
const killController: Disturbance = {
  name: "slurmctld killed",
  async apply(world, random) {
    const { bed } = slurmOf(world);
    mayLoseOpenJobs(world);
    world.report.count("kills: slurmctld");
    await bed.killController();
    await delay(random.between(0, 3000));
    await bed.startController();
    mayLoseOpenJobs(world);
    return nothing;
  },
};

/** The controller is killed some seconds after ten submits, when it has stored none, some or all of them. */
function killAfterSubmits(seconds: number): Disturbance {
  return {
    name: `slurmctld killed ${String(seconds)} s after ten submits`,
    async apply(world, random) {
      const jobs = Array.from({ length: 10 }, () => ({ seconds: random.between(5, 60) / 10, random: random.fork() }));
      await Promise.all(
        jobs.map((job) =>
          world.clients.putJob(job.random, { kind: plainJob, cluster: "stable", seconds: job.seconds }),
        ),
      );
      await delay(seconds * 1000);
      return killController.apply(world, random);
    },
  };
}

const killDaemon: Disturbance = {
  name: "slurmd killed",
  async apply(world, random) {
    const { bed } = slurmOf(world);
    const node = random.pick(slurmNodeNames);
    world.report.count("kills: slurmd");
    await bed.killDaemon(node);
    await delay(random.between(0, 4000));
    await bed.startNode(node);
    return nothing;
  },
};

const stopDaemon: Disturbance = {
  name: "slurmd stopped by SIGSTOP",
  async apply(world, random) {
    const { bed } = slurmOf(world);
    const node = random.pick(slurmNodeNames);
    await bed.pauseDaemon(node);
    await delay(random.between(500, 6000));
    await bed.resumeDaemon(node);
    return nothing;
  },
};

const stopController: Disturbance = {
  name: "slurmctld stopped by SIGSTOP",
  async apply(world, random) {
    const { bed } = slurmOf(world);
    bed.pauseController();
    await delay(random.between(500, 8000));
    bed.resumeController();
    return nothing;
  },
};

const failNode: Disturbance = {
  name: "node killed",
  async apply(world, random) {
    const { bed } = slurmOf(world);
    const node = random.pick(slurmNodeNames);
    world.report.count("kills: nodes");
    await bed.failNode(node);
    await delay(random.between(0, 2000));
    await bed.startNode(node);
    return nothing;
  },
};

const cancelJobs: Disturbance = {
  name: "jobs cancelled outside",
  async apply(world, random) {
    for (const { id, run } of await someLive(world, random)) {
      const record = recordOf(world, run);
      if (record === undefined) continue;
      record.cancelled = true;
      if (await slurmOf(world).tries("scancel", id)) world.report.count("kills: jobs by scancel");
    }
    return nothing;
  },
};

const holdJobs: Disturbance = {
  name: "jobs held and suspended outside",
  async apply(world, random) {
    const slurm = slurmOf(world);
    const withdrawals: (() => Promise<unknown>)[] = [];
    for (const { id, state } of await someLive(world, random)) {
      const isRunning = state === "RUNNING";
      const [set, reset] = [isRunning ? "suspend" : "hold", isRunning ? "resume" : "release"];
      if (!(await slurm.tries("scontrol", set, id))) continue;
      world.report.count(`jobs: ${set}`);
      withdrawals.push(() => slurm.tries("scontrol", reset, id));
    }
    await delay(random.between(0, 3000));
    return async () => {
      for (const withdraw of withdrawals) await withdraw();
    };
  },
};

const requeueJobs: Disturbance = {
  name: "jobs requeued outside",
  async apply(world, random) {
    const slurm = slurmOf(world);
    for (const { id, run } of await someLive(world, random)) {
      // Whether Slurm allows it for jobs with --no-requeue is its own business.
      const done = await slurm.tries("scontrol", "requeue", id);
      world.report.count(`jobs: requeue ${done ? "carried out" : "refused"}`);
      if (done) slurm.interrupted.set(run, "REQUEUED");
    }
    return nothing;
  },
};

/** A job that takes all nodes at once and preempts the jobs of the service. */
const preempt: Disturbance = {
  name: "jobs preempted",
  async apply(world, random) {
    const { bed } = slurmOf(world);
    const all = ["--partition=urgent", "--nodes=4", "--exclusive", "--output=/dev/null"];
    const id = (await bed.run("sbatch", "--parsable", "--chdir=/", ...all, "--wrap", "sleep 60")).trim();
    world.report.count("kills: preemptions");
    const state = async (): Promise<string> => bed.run("squeue", "-h", "-o", "%T", "-j", id).catch(() => "");
    await until("the urgent job runs", async () => /RUNNING|^$/.test((await state()).trim()));
    await delay(random.between(0, 2000));
    return async () => {
      await bed.run("scancel", id).catch(() => "");
      await until("the urgent job has ended", async () => (await state()).trim() === "");
    };
  },
};

const killBoth: Disturbance = {
  name: "slurmctld and service killed",
  async apply(world, random) {
    await Promise.all([killController.apply(world, random.fork()), killService.apply(world, random.fork())]);
    return nothing;
  },
};

/** Several kills, one shortly after the other. */
const storm: Disturbance = {
  name: "a storm of kills of Slurm and the service",
  async apply(world, random) {
    for (let left = random.between(3, 6); left > 0; left--) {
      await random.pick([killController, killService, killService, killBoth, killDaemon]).apply(world, random);
      await delay(random.between(0, 1500));
    }
    return nothing;
  },
};

/** Disturbances of a run with Slurm. */
export const slurmDisturbances: readonly Disturbance[] = [
  killAfterSubmits(1),
  killAfterSubmits(3),
  killAfterSubmits(9),
  killController,
  killDaemon,
  stopDaemon,
  stopController,
  failNode,
  cancelJobs,
  holdJobs,
  requeueJobs,
  preempt,
  killService,
  restartService,
  killSupervisors,
  killBoth,
  storm,
];

/** Kills at random, as they may happen during any other disturbance. */
export async function killSlurmSometimes(world: World, random: Random): Promise<void> {
  for (let left = random.pick([0, 0, 1, 2]); left > 0; left--) {
    await random.pick([killService, killService, killDaemon, cancelJobs]).apply(world, random);
    await delay(random.between(0, 500));
  }
}

function slurmOf({ slurm }: World): SlurmSide {
  if (slurm === undefined) throw new Error("This disturbance needs --slurm.");
  return slurm;
}

async function someLive(world: World, random: Random): Promise<ListedRun[]> {
  const live = await slurmOf(world).listLive();
  return random.shuffled(live).slice(0, random.between(1, 4));
}

function recordOf(world: World, run: string) {
  return world.ledger.jobs.get(slurmOf(world).jobOf(run) ?? "");
}

/** A controller that is killed forgets jobs, and lets nodes end jobs that it does not know. */
function mayLoseOpenJobs({ ledger }: World): void {
  for (const record of ledger.open()) record.mayBeLost = true;
}
