import { readFileSync } from "node:fs";
import type { Settings } from "./settings.ts";

/** One reading of the clock, stored so that the next start of the service can continue from it. */
interface Mark {
  /** ID of the boot of the machine. */
  readonly bootId: string;
  /** Milliseconds since that boot. */
  readonly uptime: number;
  /** Reading of the clock at that moment. */
  readonly time: number;
  /** Wall time at that moment, in milliseconds. */
  readonly wallTime: number;
}

/** Clocks of the machine. Tests replace them. */
export interface MachineClocks {
  /** ID of the current boot. */
  bootId(): string;
  /** Milliseconds since the boot, from a clock that never jumps. */
  uptime(): number;
  /** Wall time in milliseconds. It jumps if it is set. */
  wallTime(): number;
}

const setting = "clock";
/** Longest time that the machine is assumed to have been off, in milliseconds. */
const longestOffInMs = 24 * 60 * 60 * 1000;

/**
 * A clock for durations: it never jumps, and it continues across restarts of the service. It counts by CLOCK_MONOTONIC,
 * which all processes of one boot share. Only if the machine itself was restarted, the wall clock says how long it was
 * off: at least the uptime, up to a day, and at most a day more than the uptime. So a wrong wall clock has a limited effect.
 */
export class SteadyClock {
  readonly #settings: Settings;
  readonly #machine: MachineClocks;
  readonly #offset: number;

  constructor(settings: Settings, machine: MachineClocks = machineClocks) {
    this.#settings = settings;
    this.#machine = machine;
    const mark = markIn(settings);
    this.#offset = timeNow(mark, machine) - machine.uptime();
    if (mark?.bootId !== machine.bootId()) this.mark();
  }

  /** Milliseconds on a scale that starts with the wall time of the first start. */
  now(): number {
    return Math.round(this.#machine.uptime() + this.#offset);
  }

  /** Stores the reading. Called from time to time: after a restart of the machine, the clock continues from the last mark. */
  mark(): void {
    const mark: Mark = {
      bootId: this.#machine.bootId(),
      uptime: this.#machine.uptime(),
      time: this.now(),
      wallTime: this.#machine.wallTime(),
    };
    this.#settings.set(setting, JSON.stringify(mark));
  }
}

function timeNow(mark: Mark | undefined, machine: MachineClocks): number {
  if (mark === undefined) return machine.wallTime();
  const uptime = machine.uptime();
  const isSameBoot = mark.bootId === machine.bootId() && mark.uptime <= uptime;
  if (isSameBoot) return mark.time + uptime - mark.uptime;
  const byWallClock = machine.wallTime() - mark.wallTime;
  // A machine that has been up for longer may be another one, to which the data folder was moved.
  return mark.time + Math.min(Math.max(byWallClock, Math.min(uptime, longestOffInMs)), uptime + longestOffInMs);
}

function markIn(settings: Settings): Mark | undefined {
  const text = settings.get(setting);
  return text === undefined ? undefined : (JSON.parse(text) as Mark);
}

const machineClocks: MachineClocks = {
  bootId: () => {
    try {
      return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    } catch {
      return ""; // Without it, an uptime that has become smaller shows that the machine was restarted.
    }
  },
  uptime: () => Number(process.hrtime.bigint()) / 1e6,
  wallTime: () => Date.now(),
};
