import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { GpuChoice } from "../../src/service/nodes/gpuChoice.ts";
import { GpuInventory } from "../../src/service/nodes/gpuInventory.ts";
import { GpuMemory } from "../../src/service/nodes/gpuMemory.ts";
import { NvidiaTool } from "../../src/service/nodes/nvidia.ts";
import { Program } from "../../src/service/nodes/program.ts";
import { RocmTool } from "../../src/service/nodes/rocm.ts";

/** A question to a tool: the list of GPUs, their parts, or their processes. */
type Question = "query" | "parts" | "processes";

/** A stand-in for `nvidia-smi` or `rocm-smi`: a script that gives the answers of a test. */
export class StandIn {
  /** Folder with the script, for PATH. */
  readonly folder = mkdtempSync(join(tmpdir(), "batchai-gpus-"));
  readonly path: string;
  /** Messages of the log, with their reasons. */
  readonly log: string[] = [];
  /** GPUs that one watch has stored for the next. */
  readonly stored = new Map<string, string>();

  constructor(name: "nvidia-smi" | "rocm-smi" = "nvidia-smi") {
    onTestFinished(() => {
      rmSync(this.folder, { recursive: true, force: true });
    });
    this.path = join(this.folder, name);
    for (const question of ["query", "parts", "processes"] as const) this.answer(question, "");
    const script = `#!/bin/bash
cd ${this.folder}
echo "$*" >> calls
case "$*" in
  *--query-gpu=* | *--json*) . ./query ;;
  -L) . ./parts ;;
  *) . ./processes ;;
esac
`;
    writeFileSync(this.path, script, { mode: 0o755 });
  }

  /** Sets what the tool prints from now on. */
  answer(question: Question, text: string, exitCode = 0): void {
    this.behave(question, `cat <<'END_OF_ANSWER'\n${text}\nEND_OF_ANSWER\nexit ${String(exitCode)}`);
  }

  /** Sets what the tool does from now on, as lines of bash. */
  behave(question: Question, lines: string): void {
    const temporary = join(this.folder, "new");
    writeFileSync(temporary, `${lines}\n`);
    renameSync(temporary, join(this.folder, question));
  }

  /** Returns the arguments of each call. */
  calls(): string[] {
    try {
      return readFileSync(join(this.folder, "calls"), "utf8").trimEnd().split("\n");
    } catch {
      return [];
    }
  }

  /** Describes GPUs as NVIDIA's kernel module does in /proc/driver/nvidia/gpus. */
  install(cards: readonly (readonly [uuid: string, bus: string])[]): void {
    for (const [uuid, bus] of cards) {
      const folder = join(this.folder, "driver", bus.slice(4).toLowerCase());
      mkdirSync(folder, { recursive: true });
      writeFileSync(
        join(folder, "information"),
        `Model: \t\t NVIDIA GeForce RTX 2080 Ti\nIRQ:   \t\t 58\nGPU UUID: \t ${uuid}\nBus Type: \t PCIe\n`,
      );
    }
  }

  /** Watches the GPUs of the stand-in until the end of the test. A second watch is that of a later service. */
  async watch(
    options: { choice?: GpuChoice; intervalInMs?: number; patienceInMs?: number; limitInMs?: number } = {},
  ): Promise<GpuInventory> {
    const { limitInMs = 60_000, ...more } = options;
    const isAmd = this.path.endsWith("rocm-smi");
    const program = new Program(isAmd ? "rocm-smi" : "nvidia-smi", this.path, limitInMs);
    const inventory = new GpuInventory({
      tool: isAmd ? new RocmTool(program) : new NvidiaTool(program, join(this.folder, "driver")),
      choice: "all",
      intervalInMs: 20,
      patienceInMs: 60_000,
      runMarker: "BATCHAI_TEST_RUN",
      isOwnRun: (runId) => runId === "own",
      logger: this.#logger(),
      memory: new GpuMemory(this.stored, this.#logger()),
      ...more,
    });
    onTestFinished(() => {
      inventory.close();
    });
    await inventory.start();
    return inventory;
  }

  #logger() {
    const note = ({ reason }: Record<string, unknown>, message: string) => {
      this.log.push(typeof reason === "string" ? `${message}: ${reason}` : message);
    };
    return { debug: note, info: note, warn: note, error: note };
  }
}
