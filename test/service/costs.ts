import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type ArmAnswer, ArmCaller } from "./arm.ts";
import { ServiceProcess } from "./serviceProcess.ts";

const mostSeconds = 2;
const mostMegabytes = 600;

/** A service whose requests must cost it little processor time and memory. */
export class MeasuredService {
  readonly arm: ArmCaller;
  readonly #service: ServiceProcess;
  readonly #folder: string;

  private constructor(service: ServiceProcess, folder: string) {
    this.#service = service;
    this.#folder = folder;
    this.arm = new ArmCaller(service.connection);
  }

  static async start(): Promise<MeasuredService> {
    const folder = await mkdtemp(join(tmpdir(), "batchai-"));
    const started = new MeasuredService(await ServiceProcess.start(folder), folder);
    await started.arm.prepare();
    return started;
  }

  /** Sends a request that must not cost much. */
  async cheap(...request: Parameters<ArmCaller["send"]>): Promise<ArmAnswer> {
    const before = this.#processorSeconds();
    const answer = await this.arm.send(...request);
    expect(this.#processorSeconds() - before).toBeLessThan(mostSeconds);
    expect(this.#peakMegabytes()).toBeLessThan(mostMegabytes);
    return answer;
  }

  async close(): Promise<void> {
    await this.#service.kill();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #processorSeconds(): number {
    const stat = readFileSync(`/proc/${String(this.#service.pid)}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  #peakMegabytes(): number {
    const status = readFileSync(`/proc/${String(this.#service.pid)}/status`, "latin1");
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }
}
