import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SteadyClock } from "../../src/service/state/clock.ts";
import type { Settings } from "../../src/service/state/settings.ts";
import { ArmCaller } from "./arm.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";
import { clockLibrary } from "../clockLibrary.ts";
import { until } from "../until.ts";

/** A service whose wall clock a test sets, while it runs and between its starts. */
class ServiceOfAnotherTime {
  readonly #folder: string;
  #process: ServiceProcess | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get arm(): ArmCaller {
    if (!this.#process) throw new Error("the service is not running");
    return new ArmCaller(this.#process.connection);
  }

  async start(): Promise<void> {
    const environment = {
      LD_PRELOAD: clockLibrary ?? "",
      FAKETIME_TIMESTAMP_FILE: join(this.#folder, "time"),
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_NO_CACHE: "1",
    };
    const roots = ["--mount-root", join(this.#folder, "roots")];
    this.#process = await ServiceProcess.start(join(this.#folder, "data"), roots, environment);
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    this.#process = undefined;
  }

  /** Sets the wall clock of the service, relative to the true time. */
  async jump(hours: number): Promise<void> {
    await writeFile(join(this.#folder, "time.new"), `${hours < 0 ? "" : "+"}${String(hours)}h`);
    await rename(join(this.#folder, "time.new"), join(this.#folder, "time"));
    if (!this.#process) return;
    await until("the service has the other time", async () => {
      const aheadInHours = ((await this.#wallTime()) - Date.now()) / 3_600_000;
      return Math.abs(aheadInHours - hours) < 0.1;
    });
  }

  async #wallTime(): Promise<number> {
    const { headers } = await this.arm.expect("GET", this.arm.inSubscription("/resourceGroups"));
    return Date.parse(headers.get("date") ?? "");
  }

  async create(name: string, commandLine: string, maxWallClockTime?: string): Promise<void> {
    const limit = maxWallClockTime === undefined ? {} : { constraints: { maxWallClockTime } };
    await this.arm.expect("PUT", this.arm.jobPath(name), this.arm.jobBody(commandLine, limit));
  }

  async state(name: string): Promise<string> {
    return String((await this.arm.job(name)).executionState);
  }

  async untilState(name: string, state: RegExp): Promise<void> {
    await until(`job ${name} is ${String(state)}`, async () => state.test(await this.state(name)));
  }
}

async function withService(work: (service: ServiceOfAnotherTime) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const service = new ServiceOfAnotherTime(folder);
    await service.jump(0);
    await service.start();
    try {
      await service.arm.prepare(2);
      await work(service);
      const group = service.arm.inSubscription("/resourceGroups/group");
      await service.arm.expect("DELETE", group);
      await until("all is gone", async () => (await service.arm.send("GET", group)).status === 404);
    } finally {
      await service.stop();
    }
  });
}

describe.skipIf(clockLibrary === undefined)(
  "a wall clock that jumps (skipped without Debian's package faketime)",
  () => {
    it("forward does not end a job before its limit, also over a restart", async () => {
      await withService(async (service) => {
        await service.create("long", "sleep 600", "PT30M");
        await service.untilState("long", /running/);
        await service.jump(1);
        await service.create("after-jump", "true");
        await service.untilState("after-jump", /succeeded/);
        expect(await service.state("long")).toBe("running");

        await service.stop();
        await service.jump(3);
        await service.start();
        await service.create("after-restart", "true");
        await service.untilState("after-restart", /succeeded/);
        expect(await service.state("long")).toBe("running");
      });
    });

    it("back does not keep a limit from ending a job, also over a restart", async () => {
      await withService(async (service) => {
        const timedOut = { executionInfo: { errors: [{ code: "JobMaxWallClockTimeExceeded" }] } };
        await service.create("short", "sleep 600", "PT3S");
        await service.untilState("short", /running/);
        await service.jump(-1);
        await service.untilState("short", /failed/);
        expect(await service.arm.job("short")).toMatchObject(timedOut);

        await service.create("restarted", "sleep 600", "PT5S");
        await service.untilState("restarted", /running/);
        await service.stop();
        await service.jump(-5);
        await service.start();
        await service.untilState("restarted", /failed/);
        expect(await service.arm.job("restarted")).toMatchObject(timedOut);
      });
    });
  },
);

describe("the steady clock", () => {
  const stored = new Map<string, string>();
  const settings: Pick<Settings, "get" | "set"> = {
    get: (name) => stored.get(name),
    set: (name, value) => void stored.set(name, value),
  };
  const clockAt = (bootId: string, uptime: number, wallTime: number): SteadyClock => {
    const machine = { bootId: () => bootId, uptime: () => uptime, wallTime: () => wallTime };
    return new SteadyClock(settings as Settings, machine);
  };
  const day = 24 * 60 * 60 * 1000;

  it("continues across starts by the uptime, and across boots by the wall clock within limits", () => {
    expect(clockAt("a", 1000, 5_000_000).now()).toBe(5_000_000);
    expect(clockAt("a", 3000, 99_000_000).now()).toBe(5_002_000);
    expect(clockAt("a", 4000, 0).now()).toBe(5_003_000);
    clockAt("a", 5000, 5_004_000).mark();
    // Off for 10 seconds, and up for 2.
    expect(clockAt("b", 2000, 5_016_000).now()).toBe(5_016_000);
    // The wall clock of the next boot is far behind, and that of the one after it far ahead.
    expect(clockAt("c", 7000, 0).now()).toBe(5_023_000);
    expect(clockAt("d", 7000, 50 * day).now()).toBe(5_023_000 + 7000 + day);
  });
});
