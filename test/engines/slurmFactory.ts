import type { LaunchPlan } from "../../src/service/engines/engine.ts";
import { SlurmEngine } from "../../src/service/engines/slurm/slurmEngine.ts";
import { sharedSlurm } from "../slurm/sharedSlurm.ts";
import { slurmNodeNames } from "../slurm/slurmConf.ts";
import type { EngineUnderTest } from "./engineUnderTest.ts";

/** Makes Slurm engines for the Slurm that the tests share. */
export async function openEngine(): Promise<EngineUnderTest> {
  const site = await sharedSlurm();
  const environment = { ...process.env, ...site.environment };
  return {
    makeEngine: (runsFolder, gracePeriodInMs = 300) => {
      const options = { gracePeriodInMs, finishPeriodInMs: 5000, intervalInMs: 500 };
      return new SlurmEngine({ ...options, runsFolder, serviceId: "test", environment });
    },
    planParts: (): Partial<LaunchPlan> => ({ allocation: { gpusPerNode: 0, coresPerNode: 1 } }),
    hostNames: slurmNodeNames,
    leftovers: async (runIds) => {
      const queue = await site.run("squeue", "-h", "-t", "PENDING,RUNNING,COMPLETING", "-o", "%j %T");
      return queue.split("\n").filter((line) => runIds.some((runId) => line.includes(runId)));
    },
  };
}
