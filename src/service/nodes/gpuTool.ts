import type { ProgramOutput } from "../../ground/runProgram.ts";
import type { GpuMaker } from "../engines/engine.ts";
import type { Gpu } from "./gpus.ts";

/** A GPU, or a part of one (MIG), as a tool of its maker lists it. */
export interface Card {
  /** Text by whose order the driver numbers the GPUs. Parts of one GPU have the same. */
  readonly place: string;
  /** Number by which the driver calls it, as the tool shows it. Absent: GPUs are numbered in the order of their places. */
  readonly index?: number;
  readonly gpu: Omit<Gpu, "index">;
  /** UUID of the whole GPU. Present if the card is a part of it. */
  readonly whole?: string;
  /** Reason why it cannot be used, as one sentence. */
  readonly unhealthy?: string;
}

/** A process that uses a GPU. */
export interface GpuUse {
  /** UUID of the GPU, or of a part of one. */
  readonly uuid: string;
  readonly pid: number;
  readonly memoryInBytes?: number;
}

/** Result of one look at the GPUs. */
export interface Look {
  readonly cards: readonly Card[];
  readonly uses: readonly GpuUse[];
  /** Places of GPUs that the tool names without listing them, and the reason as one sentence. */
  readonly lost: ReadonlyMap<string, string>;
  /** Reason why the list may lack GPUs that exist, as one sentence. Absent if it is complete. */
  readonly incomplete?: string;
  /** Reason why the tool told nothing, as one sentence. Then the rest is empty. */
  readonly problem?: string;
}

/** The tool of a maker of GPUs. */
export interface GpuTool {
  /** Name of the program. */
  readonly name: string;
  readonly maker: GpuMaker;
  /** Returns the GPUs that the system knows without the program, as far as it does. */
  installed(): Promise<readonly Card[]>;
  /**
   * Looks at the GPUs. It ends no sooner than the programs that it starts, so it may take for ever. It does not reject
   * because of a program.
   * @param known - Cards that earlier looks have found.
   */
  look(known: readonly Card[]): Promise<Look>;
  /** Kills the program that runs, and does not wait for its end. */
  kill(): void;
}

/** Returns the reason why a list that a program has printed may lack GPUs, as one sentence; undefined if it has succeeded. */
export function incompleteBy(name: string, { exitCode }: Pick<ProgramOutput, "exitCode">): string | undefined {
  if (exitCode === 0) return undefined;
  const end = exitCode === undefined ? "was killed" : `ended with exit code ${String(exitCode)}`;
  return `${name} ${end}, so its list of GPUs may be incomplete.`;
}

/** Returns a look that found nothing, and the reason as one sentence. */
export function failedLook(problem: string): Look {
  return { cards: [], uses: [], lost: new Map(), problem };
}
