import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { freePorts, releasePorts } from "../../src/service/engines/supervisor/freePorts.ts";
import { isShortage } from "../../src/service/startError.ts";

describe("free ports", () => {
  const runs = ["run", "other run", ...Array.from({ length: 26 }, (_, index) => `run ${String(index)}`)];

  afterEach(() => {
    runs.forEach(releasePorts);
  });

  const take = (count: number): Promise<number[]> => freePorts("run", count);

  it("are not given twice while runs have them; too few of them are a shortage, which a release ends", async () => {
    const results = await Promise.allSettled(runs.slice(2).map((run) => freePorts(run, 512)));
    const given = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
    expect(new Set(given).size).toBe(given.length);
    expect(given.length).toBeGreaterThanOrEqual(20 * 512);
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.every(isShortage)).toBe(true);
    expect(String(failures[0])).toContain("The run needs 512 TCP ports, and too few of 20000 to 32767 are free.");

    releasePorts("run 0");
    expect(await take(512)).toHaveLength(512);
  });

  it("stay with a run if another one ends", async () => {
    const [first = 0] = await take(1);
    await freePorts("other run", 3);
    releasePorts("other run");
    expect(await freePorts("other run", 12_500)).not.toContain(first);
  });

  it("are not given again soon after their release", async () => {
    const first = await take(100);
    releasePorts("run");
    expect((await take(100)).filter((port) => first.includes(port))).toEqual([]);
  });

  it("are not those that another program uses", async () => {
    const [last = 0] = await take(1);
    const server = createServer().listen(last + 1);
    await once(server, "listening");
    expect(await take(1)).not.toContain(last + 1);
    server.close();
  });

  it("let other work of the process have its turn", async () => {
    let turns = 0;
    const count = (): void => {
      turns++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    await take(512);
    clearImmediate(timer);
    expect(turns).toBeGreaterThan(5);
  });
});
