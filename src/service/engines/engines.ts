import type { Logger } from "../logger.ts";
import { StartError } from "../startError.ts";
import type { Engine, RunHandle, RunNeeds } from "./engine.ts";

/** The engines of this service: finds the one for a plan, and the one for a handle. */
export class Engines {
  readonly #engines: readonly Engine[];

  private constructor(engines: readonly Engine[]) {
    this.#engines = engines;
  }

  /**
   * Probes engines and keeps those that are usable, in the given order.
   * Rejects with an `Error` that says what each engine lacks if none is usable.
   */
  static async probe(engines: readonly Engine[], logger: Logger): Promise<Engines> {
    const probed = await Promise.all(engines.map(async (engine) => ({ engine, ...(await engine.probe()) })));
    for (const { engine, usable, description } of probed) {
      logger.debug({ engine: engine.name, usable, description }, "engine probed");
    }
    const usable = probed.filter((probe) => probe.usable);
    if (usable.length === 0) {
      throw new Error(`Jobs cannot run on this machine: ${probed.map(({ description }) => description).join(" ")}`);
    }
    return new Engines(usable.map(({ engine }) => engine));
  }

  /**
   * Returns the first engine that can carry out a plan with these needs.
   * @throws StartError with the objection of the last engine if none can.
   */
  forPlan(needs: RunNeeds): Engine {
    let objection: StartError | undefined;
    for (const engine of this.#engines) {
      objection = engine.objection(needs);
      if (objection === undefined) return engine;
    }
    throw objection ?? new StartError("FailedStartingProcess", "This service has no engine that runs jobs.");
  }

  /** Returns the engine that made a handle; undefined if it no longer exists, or cannot read that version. */
  forHandle({ engine: name, version }: RunHandle): Engine | undefined {
    return this.#engines.find((engine) => engine.name === name && engine.reads(version));
  }

  /** Whether a run with these needs may wait in the queue of its engine. */
  queue(needs: RunNeeds): boolean {
    return this.#engines.find((engine) => engine.objection(needs) === undefined)?.queues ?? false;
  }
}
