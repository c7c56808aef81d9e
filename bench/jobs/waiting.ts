import { BuiltService } from "./builtService.ts";
import { Caller } from "./caller.ts";

const measured = 200;

/** Returns the processor time of the service for each PUT of a job that waits, in milliseconds. */
async function costOfPut(service: BuiltService, caller: Caller, prefix: string, cluster?: string): Promise<number> {
  const before = service.usage().service;
  for (let job = 0; job < measured; job++) await caller.createJob(`${prefix}${job}`, "true", { cluster });
  return (service.usage().service - before) / measured;
}

/** Cost of a PUT with so many jobs in the queue of a cluster whose node is taken, by the number of jobs. */
export async function costByQueue(
  main: string,
  folder: string,
  lengths: readonly number[],
): Promise<Map<number, number>> {
  const service = await BuiltService.start(main, folder);
  const caller = new Caller(service.connection);
  await caller.prepare({ nodes: 1 });
  await caller.createJob("first", "sleep 3600");
  const costs = new Map<number, number>();
  let queued = 0;
  for (const length of lengths) {
    while (queued + measured / 2 < length) await caller.createJob(`filler${(queued += 1)}`, "true");
    costs.set(length, await costOfPut(service, caller, `measured${length}-`));
    queued += measured;
  }
  await caller.send("POST", "/experiments/exp/jobs/first/terminate");
  caller.close();
  await service.kill();
  return costs;
}

/** Cost of a PUT with so many clusters of 100 idle nodes, for a job that is larger than its cluster. */
export async function costByClusters(
  main: string,
  folder: string,
  counts: readonly number[],
): Promise<Map<number, number>> {
  const service = await BuiltService.start(main, folder);
  const caller = new Caller(service.connection);
  const costs = new Map<number, number>();
  let clusters = 0;
  for (const count of counts) {
    while (clusters < count) await caller.prepare({ [`nodes${(clusters += 1)}`]: 100 });
    await service.untilIdle();
    const before = service.usage().service;
    for (let job = 0; job < measured; job++)
      await caller.createJob(`c${count}-${job}`, "true", { cluster: "nodes1", nodeCount: 101 });
    costs.set(count, (service.usage().service - before) / measured);
  }
  caller.close();
  await service.stop();
  return costs;
}
