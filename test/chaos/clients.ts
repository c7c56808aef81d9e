import { setTimeout as delay } from "node:timers/promises";
import { clusterBody } from "../service/arm.ts";
import type { Caller } from "./caller.ts";
import { jobBody, type JobKind, plainJob } from "./jobKinds.ts";
import type { JobRecord, Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { Report } from "./report.ts";
import type { Stage } from "./stage.ts";

const clientCount = 3;
/** How many jobs may be open, and how long they take, in tenths of a second. Slurm starts few jobs in a second. */
const paces = {
  machine: { mostOpen: 40, shortest: 1, longest: 15 },
  slurm: { mostOpen: 16, shortest: 5, longest: 60 },
};
const settleLimitInMs = 30_000;

/** Everything that clients work with. */
export interface ClientSurroundings {
  readonly caller: Caller;
  readonly ledger: Ledger;
  readonly report: Report;
  readonly stage: Stage;
  /** Kinds of jobs that they create. */
  readonly kinds: readonly JobKind[];
  /** Image of the jobs in containers. Absent: all jobs are processes. */
  readonly image?: string | undefined;
  /** Size of the nodes in Slurm. Absent: the nodes are on this machine. */
  readonly vmSize?: string | undefined;
}

/** Several clients that call the service all the time, until they are paused. */
export class Clients {
  readonly #world: ClientSurroundings;
  readonly #randoms: readonly Random[];
  #volumes: Record<string, unknown> = {};
  #pausing = true;
  #working: Promise<unknown> = Promise.resolve();

  constructor(world: ClientSurroundings, random: Random) {
    this.#world = world;
    this.#randoms = Array.from({ length: clientCount }, () => random.fork());
  }

  /** Creates what the jobs need. @param volumes - Volumes of every cluster. */
  async prepare(volumes: Record<string, unknown>): Promise<void> {
    this.#volumes = volumes;
    const { caller } = this.#world;
    await caller.acknowledged("PUT", caller.group, { location: "eastus" });
    await caller.acknowledged("PUT", caller.path(), { location: "eastus" });
    await caller.acknowledged("PUT", caller.path("/experiments/exp"), {});
    await this.#putCluster("stable", 8);
    await this.#putCluster("elastic", 3);
  }

  resume(): void {
    this.#pausing = false;
    this.#working = Promise.all(this.#randoms.map((random) => this.#work(random)));
  }

  /** Lets each client complete its request. All of them must be carried out soon, because nothing disturbs the service. */
  async pause(): Promise<void> {
    this.#pausing = true;
    const settled = this.#working.then(() => true);
    if (await Promise.race([settled, delay(settleLimitInMs, false, { ref: false })])) return;
    this.#world.report.hurt(
      "requests",
      `a request is not carried out ${settleLimitInMs / 1000} s after the disturbance`,
    );
    await this.#working;
  }

  /** Sets the number of nodes of the elastic cluster. */
  async scale(nodeCount: number, option = "requeue"): Promise<void> {
    const { caller, ledger } = this.#world;
    // Even if it grows: an earlier shrinking may still be in progress.
    ledger.shrink("elastic");
    const manual = { targetNodeCount: nodeCount, nodeDeallocationOption: option };
    await caller.acknowledged("PATCH", caller.path("/clusters/elastic"), { properties: { scaleSettings: { manual } } });
  }

  /** Creates a job of a kind, and returns what is known about it. */
  async putJob(
    random: Random,
    { kind, cluster, seconds }: { kind: JobKind; cluster: string; seconds: number },
  ): Promise<JobRecord> {
    const { caller, ledger, stage, report, image } = this.#world;
    const name = ledger.nextName(`${kind.name}-`);
    const exitCode = random.pick([0, 0, 0, 1, 7, 42]);
    const sketch = { name, exitCode, seconds, cluster: caller.path(`/clusters/${cluster}`) };
    const record: JobRecord = {
      ...{ name, kind, exitCode, cluster, body: jobBody(kind, sketch, { stage, random, image }) },
      ...{ created: "asked", terminated: "no", deleted: "no", supervisorKilled: false, judged: false, stuck: false },
    };
    ledger.jobs.set(name, record);
    const { status } = await caller.acknowledged("PUT", caller.jobs(`/${name}`), record.body);
    if (status < 300) record.created = "acknowledged";
    report.count("jobs created");
    return record;
  }

  async deleteJob(record: JobRecord): Promise<void> {
    const { caller, report } = this.#world;
    record.deleted = "asked";
    const { status } = await caller.acknowledged("DELETE", caller.jobs(`/${record.name}`));
    if (status < 300) record.deleted = "acknowledged";
    report.count("jobs deleted");
  }

  get #pace() {
    return this.#world.vmSize === undefined ? paces.machine : paces.slurm;
  }

  async #work(random: Random): Promise<void> {
    while (!this.#pausing) {
      await this.#act(random);
      await delay(random.between(10, 200));
    }
  }

  async #act(random: Random): Promise<void> {
    const { caller, ledger } = this.#world;
    const open = ledger.open();
    const known = [...ledger.jobs.values()].filter(
      ({ created, deleted }) => created === "acknowledged" && deleted === "no",
    );
    const choice = random.between(1, 100);
    if (choice <= 55 && open.length < this.#pace.mostOpen) await this.#submit(random);
    else if (choice <= 62 && known.length > 0) await this.#terminate(random.pick(known.slice(-15)));
    else if (choice <= 69 && known.length > 0) await this.deleteJob(random.pick(known.slice(-30)));
    else if (choice <= 76 && known.length > 0) await this.#listFiles(random.pick(known.slice(-30)));
    else if (choice <= 82) await this.#experiment(random);
    else if (choice <= 86)
      await this.scale(random.between(0, 4), random.pick(["requeue", "terminate", "waitforjobcompletion"]));
    else if (choice <= 89) await this.#passingCluster(random);
    else await caller.once("GET", random.pick([caller.jobs(), caller.path("/clusters"), caller.path("/experiments")]));
  }

  async #submit(random: Random): Promise<void> {
    const cluster = random.chance(0.8) ? "stable" : "elastic";
    await this.putJob(random, {
      kind: random.weighted(this.#world.kinds),
      cluster,
      seconds: random.between(this.#pace.shortest, this.#pace.longest) / 10,
    });
  }

  async #terminate(record: JobRecord): Promise<void> {
    const { caller, report } = this.#world;
    if (record.terminated === "no") record.terminated = "asked";
    const { status } = await caller.persist("POST", caller.jobs(`/${record.name}/terminate`));
    // Another client may have deleted it.
    if (status === 404 && record.deleted !== "no") return;
    if (status >= 300 && status < 500) report.hurt("rejected", `terminate ${record.name}: ${status}`);
    if (status < 300) record.terminated = "acknowledged";
    report.count("jobs terminated");
  }

  async #listFiles(record: JobRecord): Promise<void> {
    const { caller } = this.#world;
    const path = `${caller.jobs(`/${record.name}/listOutputFiles`)}?api-version=2018-05-01&outputdirectoryid=OUT`;
    await caller.once("POST", `http://service${path}`);
  }

  async #experiment(random: Random): Promise<void> {
    const { caller, ledger } = this.#world;
    const present = [...ledger.experiments].filter(([, state]) => state === "present").map(([path]) => path);
    const removes = present.length > 20 || (present.length > 0 && random.chance(0.4));
    const path = removes ? random.pick(present) : caller.path(`/experiments/${ledger.nextName("e")}`);
    ledger.experiments.set(path, "unknown");
    const { status } = await caller.acknowledged(removes ? "DELETE" : "PUT", path, removes ? undefined : {});
    if (status < 300) ledger.experiments.set(path, removes ? "absent" : "present");
  }

  /** Creates a cluster whose nodes are set up, gives it jobs, and deletes it while they run or wait. */
  async #passingCluster(random: Random): Promise<void> {
    const { caller, ledger, report } = this.#world;
    const name = ledger.nextName("passing");
    await this.#putCluster(name, 2, {
      setupTask: { commandLine: ": > set-up", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/share" },
    });
    ledger.shrink(name);
    for (let left = random.between(1, 3); left > 0; left--) {
      await this.putJob(random, { kind: plainJob, cluster: name, seconds: 0.5 });
    }
    await delay(random.between(0, 1000));
    await caller.acknowledged("DELETE", caller.path(`/clusters/${name}`));
    report.count("clusters deleted");
  }

  async #putCluster(name: string, nodeCount: number, nodeSetup: Record<string, unknown> = {}): Promise<void> {
    const { caller, vmSize } = this.#world;
    const body = clusterBody(nodeCount, {
      ...(vmSize !== undefined && { vmSize }),
      nodeSetup: { mountVolumes: this.#volumes, ...nodeSetup },
    });
    await caller.acknowledged("PUT", caller.path(`/clusters/${name}`), body);
  }
}
