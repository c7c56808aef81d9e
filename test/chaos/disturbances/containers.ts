import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../random.ts";
import { type Disturbance, nothing, type World } from "./disturbance.ts";
import { killService, killSupervisors, restartService } from "./kills.ts";

/** Kills the container engine, and starts it again some time later. */
const killEngine: Disturbance = {
  name: "container engine killed",
  async apply(world, random) {
    await kill(world);
    await delay(random.between(0, 1500));
    await world.daemon?.start();
    return nothing;
  },
};

/** The service starts while the container engine is down. */
const killBoth: Disturbance = {
  name: "container engine and service killed",
  async apply(world, random) {
    await Promise.all([kill(world), world.subject.kill()]);
    await delay(random.between(0, 500));
    const back = [world.subject.tryStart(), delay(random.between(0, 1500)).then(() => world.daemon?.start())];
    await Promise.all(back);
    return nothing;
  },
};

const stopEngine: Disturbance = {
  name: "container engine stopped by SIGSTOP",
  apply({ daemon }) {
    daemon?.signal("SIGSTOP");
    return () => daemon?.signal("SIGCONT");
  },
};

const stormOfEngines: Disturbance = {
  name: "a storm of kills of the container engine and the service",
  async apply(world, random) {
    for (let left = random.between(3, 8); left > 0; left--) {
      await random.pick([killEngine, killEngine, killService, killBoth, killSupervisors]).apply(world, random);
      await delay(random.between(0, 700));
    }
    return nothing;
  },
};

/** Disturbances of a run with containers. */
export const containerDisturbances: readonly Disturbance[] = [
  killEngine,
  killBoth,
  killService,
  restartService,
  killSupervisors,
  // While it is stopped, it cannot be killed by another disturbance and started again.
  { ...stopEngine, alone: true },
  stormOfEngines,
];

/** Kills at random, as they may happen during any other disturbance. */
export async function killContainersSometimes(world: World, random: Random): Promise<void> {
  for (let left = random.pick([0, 0, 1, 3]); left > 0; left--) {
    await random.pick([killEngine, killService, killSupervisors]).apply(world, random);
    await delay(random.between(0, 500));
  }
}

async function kill({ daemon, report }: World): Promise<void> {
  if (daemon === undefined) return;
  report.count(`kills: ${daemon.name}`);
  await daemon.kill();
}
