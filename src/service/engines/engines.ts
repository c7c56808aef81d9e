import { reasonOf } from "../../ground/systemErrors.ts";
import type { Logger } from "../logger.ts";
import { imageDetails, StartError } from "../startError.ts";
import type { Engine, RunHandle, RunNeeds } from "./engine.ts";

/** The engines of this service: finds the one for a plan, and the one for a handle. */
export class Engines {
  readonly #engines: readonly Engine[];
  readonly #logger: Logger;
  /** Reasons of the engines that cannot be used at the moment. */
  readonly #lacks = new Map<Engine, string>();

  private constructor(engines: readonly Engine[], logger: Logger) {
    this.#engines = engines;
    this.#logger = logger;
  }

  /**
   * Probes engines, in the order in which they are to be asked.
   * Rejects with an `Error` that says what each engine lacks if none is usable.
   */
  static async probe(engines: readonly Engine[], logger: Logger): Promise<Engines> {
    const probed = new Engines(engines, logger);
    await Promise.all(engines.map((engine) => probed.#probe(engine)));
    if (probed.#lacks.size < engines.length) return probed;
    throw new Error(`Jobs cannot run on this machine: ${[...probed.#lacks.values()].join(" ")}`);
  }

  /**
   * Returns the first engine that can carry out a plan with these needs. Before it gives up, it probes the engines again
   * that were not usable. Rejects with a `StartError` that has the objections of all engines.
   */
  async choose(needs: RunNeeds): Promise<Engine> {
    const engine = this.#find(needs);
    if (engine) return engine;
    await Promise.all([...this.#lacks.keys()].map((unusable) => this.#probe(unusable)));
    return this.#find(needs) ?? this.#refuse(needs);
  }

  /**
   * Whether a run with these needs may wait in a queue of its engine. Allocations always wait in that of Slurm, also if it
   * is found only when the run starts.
   */
  mayQueue(needs: RunNeeds): boolean {
    if (needs.allocation !== undefined) return true;
    return this.#find(needs)?.queues ?? false;
  }

  /**
   * Returns the engine that made a handle; undefined if it is not part of this service, or cannot read that version. An
   * engine that is not usable at the moment is returned, because its runs may still be running.
   */
  forHandle({ engine: name, version }: RunHandle): Engine | undefined {
    return this.#engines.find((engine) => engine.name === name && engine.reads(version));
  }

  #find(needs: RunNeeds): Engine | undefined {
    return this.#engines.find((engine) => !this.#lacks.has(engine) && engine.objection(needs) === undefined);
  }

  #refuse(needs: RunNeeds): never {
    // An engine that lacks only GPUs knows the reason that matters.
    const lacksGpus = (engine: Engine): boolean => {
      return !this.#lacks.has(engine) && engine.objection({ ...needs, gpuCount: 0 }) === undefined;
    };
    const [first, rest] = [this.#engines.filter(lacksGpus), this.#engines.filter((engine) => !lacksGpus(engine))];
    const objections = [...first, ...rest].map((engine) => {
      const lack = this.#lacks.get(engine);
      return lack === undefined ? engine.objection(needs) : new StartError("FailedStartingProcess", lack);
    });
    const reasons = objections.flatMap((objection) => objection?.reason ?? []);
    if (needs.container === undefined) throw new StartError("FailedStartingProcess", reasons.join(" "));
    throw new StartError("FailedStartingContainer", reasons.join(" "), { details: imageDetails(needs.container) });
  }

  async #probe(engine: Engine): Promise<void> {
    const { usable, description } = await engine.probe().catch((error: unknown) => {
      return { usable: false, description: `The engine ${engine.name} cannot be probed: ${reasonOf(error)}.` };
    });
    this.#logger.debug({ engine: engine.name, usable, description }, "engine probed");
    if (usable) this.#lacks.delete(engine);
    else this.#lacks.set(engine, description);
  }
}
