import type { Logger } from "../logger.ts";
import type { Card } from "./gpuTool.ts";

/** Texts by name that outlive the service, such as its settings. */
export interface StoredTexts {
  get(name: string): string | undefined;
  set(name: string, value: string): void;
}

const name = "GPUs of this machine";

/** The GPUs that a tool listed last, also for the next start of the service: the tool may not work then. */
export class GpuMemory {
  readonly #texts: StoredTexts;
  readonly #logger: Logger;

  constructor(texts: StoredTexts, logger: Logger) {
    this.#texts = texts;
    this.#logger = logger;
  }

  /** Returns the GPUs that were stored last. */
  cards(): readonly Card[] {
    return JSON.parse(this.#texts.get(name) ?? "[]") as Card[];
  }

  /** Stores GPUs in the place of all others. Never throws: if it fails, the next look tries again. */
  replace(cards: readonly Card[]): void {
    const text = JSON.stringify(cards.map(({ place, index, gpu, whole }) => ({ place, index, gpu, whole })));
    try {
      if (text !== (this.#texts.get(name) ?? "[]")) this.#texts.set(name, text);
    } catch (error) {
      this.#logger.warn({ error: String(error) }, "failed to store the GPUs of this machine");
    }
  }
}
